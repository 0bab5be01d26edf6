/** Where the page is: what stands behind `#` in its address. No DOM in here. */
export type Route =
  | { readonly page: 'calls' }
  | { readonly page: 'finished' }
  | { readonly page: 'registrations' }
  | { readonly page: 'call'; readonly id: string };

export function readRoute(hash: string): Route {
  const [, page, id] = hash.replace(/^#/, '').split('/');
  if (page === 'finished' || page === 'registrations') return { page };
  if (page === 'call' && id !== undefined && id !== '') {
    try {
      return { page, id: decodeURIComponent(id) };
    } catch {
      return { page: 'calls' };
    }
  }
  return { page: 'calls' };
}

export function callHref(id: string): string {
  return `#/call/${encodeURIComponent(id)}`;
}
