/** The part of npm `sip` 0.0.6 that `codec.ts` uses; the package brings no types of its own. */
declare module 'sip' {
  export interface StartLine {
    method?: string;
    uri?: string;
    status?: number;
    reason?: string;
    version?: string;
  }

  export interface PrintableMessage extends StartLine {
    /** Header name → value, printed in this order. `stringify` adds `content-length` to the object. */
    headers: Record<string, unknown>;
    /** The body, one character per byte. */
    content?: string;
  }

  const sip: {
    /** Undefined for what is not a message. */
    parse(text: string): StartLine | undefined;
    stringify(message: PrintableMessage): string;
  };
  export default sip;
}
