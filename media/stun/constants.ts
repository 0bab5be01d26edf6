/** Numbers of STUN (RFC 8489 §5, §14, §18) and of ICE in it (RFC 8445 §16). */

export const stunHeaderBytes = 20;
export const transactionBytes = 12;
export const magicCookie = 0x2112a442;
/** The only method that ICE has. */
export const bindingMethod = 1;
/** RFC 8489 §14.7. */
export const fingerprintXor = 0x5354554e;
export const integrityBytes = 24;
export const fingerprintBytes = 8;

/** The two bits of a message's class, put together. */
export const stunClass = { request: 0, indication: 1, success: 2, error: 3 } as const;
export type StunClass = (typeof stunClass)[keyof typeof stunClass];

export const attributeType = {
  mappedAddress: 0x0001,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  realm: 0x0014,
  nonce: 0x0015,
  messageIntegritySha256: 0x001c,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  software: 0x8022,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;
