/** Takes secrets out of a SIP message that people are to see: credentials, keys of SRTP, digits that were pressed. */

const hidden = '***';
const credentials = /^(proxy-authorization|authorization)\s*:/i;
/** Parameters that a password can be guessed from (RFC 7616 §5). */
const answers = /\b(response|nonce|cnonce)([ \t]*=[ \t]*)("[^"]*"|[^\s,;"]+)/gi;

/** @param text one SIP message; it does not have to be well-formed */
export function redact(text: string): string {
  const split = text.indexOf('\r\n\r\n');
  const head = split < 0 ? text : text.slice(0, split);
  const body = split < 0 ? '' : text.slice(split);
  return redactHead(head) + redactBody(head, body);
}

function redactHead(head: string): string {
  if (!/authorization/i.test(head)) return head;
  let inside = false;
  let digest = false;
  return head
    .split('\r\n')
    .map((line) => {
      const folded = line.startsWith(' ') || line.startsWith('\t');
      if (!folded) {
        inside = credentials.test(line);
        digest = /:\s*digest\b/i.test(line);
      }
      if (!inside) return line;
      if (digest) return line.replace(answers, `$1$2"${hidden}"`);
      // Basic and Bearer are nothing but a secret.
      return folded ? ` ${hidden}` : line.replace(/:.*$/, `: ${hidden}`);
    })
    .join('\r\n');
}

function redactBody(head: string, body: string): string {
  if (body.length <= 4) return body;
  if (/^(content-type|c)\s*:\s*application\/dtmf\s*$/im.test(head)) return `\r\n\r\n${hidden}`;
  return body
    .replace(/^a=crypto:.*$/gim, (line) => line.replace(/inline:[^|\s;]*/gi, `inline:${hidden}`))
    .replace(/^(k=|a=ice-pwd:|a=key-mgmt:|signal[ \t]*=[ \t]*).*$/gim, `$1${hidden}`);
}
