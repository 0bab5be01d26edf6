/** Logging in and out, and who a page is logged in as. */
import type { Logger } from '../../base/log.ts';
import type { Access, Admission, Admitted } from './access.ts';
import { cookieOf, sessionCookie, setCookie } from './logins.ts';
import type { SiteReply, SiteRequest, SiteRoute } from './site.ts';

export interface LoginOptions {
  readonly access: Access;
  readonly server: { readonly name: string; readonly version: string };
  readonly logger: Logger;
}

const longestName = 100;

/** @returns `/console/session`, `/console/login`, `/console/logout` */
export function loginRoutes({ access, server, logger }: LoginOptions): readonly SiteRoute[] {
  const info = (request: SiteRequest, admission: Admission): object => {
    const admitted: Partial<Admitted> = 'role' in admission ? admission : {};
    return {
      role: admitted.role,
      user: admitted.who,
      csrf: admitted.login?.csrf ?? '',
      loginNeeded: access.needsLogin(request.visitor),
      server,
    };
  };
  const logIn = async (request: SiteRequest): Promise<SiteReply> => {
    const given = readLogin(request.body);
    if (!given) return { status: 400, body: { error: 'expected { user, password } or { token } as JSON' } };
    const found = await access.logIn(request.visitor, given);
    const who = { user: given.user ?? '', from: request.visitor.address };
    if (!('role' in found)) {
      logger.warn({ ...who, status: found.status }, 'a login failed');
      return { status: found.status, body: { error: found.error } };
    }
    logger.info({ ...who, user: found.who, role: found.role }, 'logged in');
    // Who logs in again does not leave the session before behind.
    const before = cookieOf(request.headers.cookie, sessionCookie);
    if (before !== undefined) access.logins.close(before);
    const headers = { 'set-cookie': setCookie(found.secret, request.secure) };
    return { headers, body: info(request, found) };
  };
  const logOut = (request: SiteRequest): SiteReply => {
    const secret = cookieOf(request.headers.cookie, sessionCookie);
    const { admission } = request;
    if (secret !== undefined && 'role' in admission) access.logins.close(secret);
    if ('role' in admission) logger.info({ user: admission.who, from: request.visitor.address }, 'logged out');
    const headers = { 'set-cookie': setCookie(undefined, request.secure) };
    return { headers, body: info(request, { status: 401, error: '' }) };
  };
  return [
    // A page asks for it before it knows whether it has to log in.
    {
      method: 'GET',
      path: '/console/session',
      open: true,
      answer: (request) => ({ body: info(request, request.admission) }),
    },
    { method: 'POST', path: '/console/login', open: true, answer: logIn },
    { method: 'POST', path: '/console/logout', answer: logOut },
  ];
}

function readLogin(body: string): { user?: string; password?: string; token?: string } | undefined {
  try {
    const { user, password, token } = JSON.parse(body) as Readonly<Record<string, unknown>>;
    if (typeof token === 'string') return { token };
    if (typeof user !== 'string' || typeof password !== 'string' || user.length > longestName) return undefined;
    return { user, password };
  } catch {
    return undefined;
  }
}
