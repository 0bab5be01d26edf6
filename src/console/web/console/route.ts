/** Where the page is: what stands behind `#` in its address. No DOM in here. */
export type Route =
  | { readonly page: 'calls' }
  | { readonly page: 'finished' }
  | { readonly page: 'registrations' }
  | { readonly page: 'queues' }
  /** Without a name: the mailbox that has most to tell. */
  | { readonly page: 'voicemail'; readonly box?: string }
  | { readonly page: 'call' | 'finished-call'; readonly id: string };

export function readRoute(hash: string): Route {
  const [, page, id] = hash.replace(/^#/, '').split('/');
  if ((page === 'call' || page === 'finished' || page === 'voicemail') && id !== undefined && id !== '') {
    try {
      const name = decodeURIComponent(id);
      if (page === 'voicemail') return { page, box: name };
      return { page: page === 'call' ? 'call' : 'finished-call', id: name };
    } catch {
      return { page: 'calls' };
    }
  }
  if (page === 'finished' || page === 'registrations' || page === 'queues' || page === 'voicemail') return { page };
  return { page: 'calls' };
}

export function callHref(id: string): string {
  return `#/call/${encodeURIComponent(id)}`;
}

export function mailboxHref(name: string): string {
  return `#/voicemail/${encodeURIComponent(name)}`;
}

export function finishedHref(id: string): string {
  return `#/finished/${encodeURIComponent(id)}`;
}
