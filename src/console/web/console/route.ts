/** Where the page is: what stands behind `#` in its address. No DOM in here. */
export type Route =
  | { readonly page: 'calls' }
  | { readonly page: 'finished' }
  | { readonly page: 'registrations' }
  | { readonly page: 'call' | 'finished-call'; readonly id: string };

export function readRoute(hash: string): Route {
  const [, page, id] = hash.replace(/^#/, '').split('/');
  if ((page === 'call' || page === 'finished') && id !== undefined && id !== '') {
    try {
      return { page: page === 'call' ? 'call' : 'finished-call', id: decodeURIComponent(id) };
    } catch {
      return { page: 'calls' };
    }
  }
  if (page === 'finished' || page === 'registrations') return { page };
  return { page: 'calls' };
}

export function callHref(id: string): string {
  return `#/call/${encodeURIComponent(id)}`;
}

export function finishedHref(id: string): string {
  return `#/finished/${encodeURIComponent(id)}`;
}
