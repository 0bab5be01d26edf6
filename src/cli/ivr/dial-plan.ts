/** Who is behind which number of the ready-made server. */
import type { Config } from '../../config/schema.ts';
import { Conference, type DialogClientSession, DialogServerSession, goOnTalking, type Tandem } from '../../index.ts';
import { callUser, isGruu, phonesOf } from './call-user.ts';
import { menu } from './menu.ts';
import { isRoom, room, stayIn } from './rooms.ts';
import { echo, file, music, type Prompts, recordAndPlayBack, type Service } from './services.ts';
import type { Users } from './users.ts';

const services: Readonly<Record<string, Service>> = {
  1000: menu,
  1003: music,
  600: echo,
  601: file,
  602: recordAndPlayBack,
};

/** Numbers whose calls are a remote controller's. */
type Remote = Pick<Config['remote'], 'park' | 'timeout' | 'answer'>;

export class DialPlan {
  readonly #prompts: Prompts;
  readonly #users: Users;
  readonly #remote: Remote;

  /** @param prompts path of a prompt by its name. */
  constructor(prompts: Prompts, users: Users, remote: Remote) {
    this.#prompts = prompts;
    this.#users = users;
    this.#remote = remote;
  }

  /** Services are for everybody; whoever calls a user has to be one. @param uri of the request */
  isForUsersOnly(number: string, uri: string): boolean {
    return !this.#isParked(number) && serviceOf(number) === undefined && (this.#users.has(number) || isGruu(uri));
  }

  async handle(call: DialogServerSession, tandem: Tandem): Promise<void> {
    const number = call.toUser ?? '';
    if (!this.#isParked(number)) return this.#connect(call, tandem, number);
    const { timeout, answer } = this.#remote;
    const { result = '' } = await tandem.park(call, { name: number, timeout, answer });
    if (result !== '') await this.#connect(call, tandem, result);
  }

  /** A call of an earlier process: who talks goes on talking, a service begins again. */
  async resume(call: DialogServerSession | DialogClientSession, tandem: Tandem): Promise<void> {
    const { bridge } = call;
    if (bridge instanceof Conference) await stayIn(call, bridge);
    else if (bridge || !(call instanceof DialogServerSession)) await goOnTalking(call);
    else await this.handle(call, tandem);
  }

  #isParked(number: string): boolean {
    return this.#remote.park.includes(number);
  }

  async #connect(call: DialogServerSession, tandem: Tandem, number: string): Promise<void> {
    const service = serviceOf(number);
    if (service) await service(call, this.#prompts, tandem);
    else await this.#callUser(call, tandem, number);
  }

  async #callUser(call: DialogServerSession, tandem: Tandem, number: string): Promise<void> {
    const phones = phonesOf(tandem, call.inviteRequest.uri, number);
    const name = phones[0]?.user ?? number;
    if (this.#users.has(name)) await callUser(call, tandem, this.#users, name, phones);
    else await call.reject(404);
  }
}

function serviceOf(number: string): Service | undefined {
  if (Object.hasOwn(services, number)) return services[number];
  return isRoom(number) ? room : undefined;
}
