/**
 * Bodies of handshake messages (RFC 5246 §7.4, RFC 6347 §4.3.2, RFC 8422 §5). Readers give undefined for what is
 * malformed.
 */
import { ByteReader, concat, u8, u16, vector8, vector16, vector24 } from './bytes.ts';
import { dtls10, dtls12 } from './records.ts';

export const handshakeTypes = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;

export const extensionTypes = {
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  useSrtp: 14,
  extendedMasterSecret: 23,
  renegotiationInfo: 0xff01,
} as const;
/** Stands in the list of cipher suites for an empty renegotiation_info (RFC 5746 §3.3). */
export const renegotiationScsv = 0x00ff;

export const randomBytes = 32;
const namedCurve = 3;
/** ClientCertificateType (RFC 8422 §5.5, RFC 5246 §7.4.4). */
const certificateTypes = { rsaSign: 1, ecdsaSign: 64 } as const;

export type Extensions = ReadonlyMap<number, Uint8Array>;

export interface ClientHello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cookie: Uint8Array;
  readonly suites: readonly number[];
  readonly compressions: Uint8Array;
  readonly extensions: Extensions;
}

export function readClientHello(body: Uint8Array): ClientHello | undefined {
  const reader = new ByteReader(body);
  const version = reader.u16();
  const random = reader.take(randomBytes);
  const sessionId = reader.vector8();
  const cookie = reader.vector8();
  const suites = numbers(reader.vector16());
  const compressions = reader.vector8();
  const extensions = readExtensions(reader);
  if (!reader.done || !suites || !extensions || sessionId.length > 32) return undefined;
  return { version, random, sessionId, cookie, suites, compressions, extensions };
}

export function clientHello(hello: {
  readonly random: Uint8Array;
  readonly cookie: Uint8Array;
  readonly suites: readonly number[];
  readonly extensions: Extensions;
}): Uint8Array {
  return concat(
    u16(dtls12),
    hello.random,
    vector8(), // no session to resume
    vector8(hello.cookie),
    vector16(u16(...hello.suites)),
    vector8(u8(0)), // no compression
    writeExtensions(hello.extensions),
  );
}

export interface ServerHello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly suite: number;
  readonly compression: number;
  readonly extensions: Extensions;
}

export function readServerHello(body: Uint8Array): ServerHello | undefined {
  const reader = new ByteReader(body);
  const version = reader.u16();
  const random = reader.take(randomBytes);
  reader.vector8();
  const suite = reader.u16();
  const compression = reader.u8();
  const extensions = readExtensions(reader);
  return reader.done && extensions ? { version, random, suite, compression, extensions } : undefined;
}

export function serverHello(random: Uint8Array, suite: number, extensions: Extensions): Uint8Array {
  return concat(u16(dtls12), random, vector8(), u16(suite), u8(0), writeExtensions(extensions));
}

/** @returns the cookie */
export function readHelloVerifyRequest(body: Uint8Array): Uint8Array | undefined {
  const reader = new ByteReader(body);
  const version = reader.u16();
  const cookie = reader.vector8();
  return reader.done && (version === dtls10 || version === dtls12) ? cookie : undefined;
}

/** @returns the first certificate of the chain, DER; an empty one if there is none */
export function readCertificate(body: Uint8Array): Uint8Array | undefined {
  const reader = new ByteReader(body);
  const chain = new ByteReader(reader.vector24());
  if (!reader.done) return undefined;
  const first = chain.left > 0 ? chain.vector24() : new Uint8Array(0);
  while (chain.left > 0) chain.vector24();
  return chain.done ? first : undefined;
}

export function certificate(cert: Uint8Array): Uint8Array {
  return vector24(vector24(cert));
}

export interface ServerKeyExchange {
  readonly group: number;
  readonly public: Uint8Array;
  /** What is signed, behind both randoms. */
  readonly params: Uint8Array;
  readonly scheme: number;
  readonly signature: Uint8Array;
}

export function readServerKeyExchange(body: Uint8Array): ServerKeyExchange | undefined {
  const reader = new ByteReader(body);
  const curveType = reader.u8();
  const group = reader.u16();
  const publicKey = reader.vector8();
  const params = body.subarray(0, body.length - reader.left);
  const scheme = reader.u16();
  const signature = reader.vector16();
  return reader.done && curveType === namedCurve ? { group, public: publicKey, params, scheme, signature } : undefined;
}

export function keyExchangeParams(group: number, publicKey: Uint8Array): Uint8Array {
  return concat(u8(namedCurve), u16(group), vector8(publicKey));
}

/** DigitallySigned: of a ServerKeyExchange behind its parameters, and a CertificateVerify as a whole. */
export function signed(scheme: number, signature: Uint8Array): Uint8Array {
  return concat(u16(scheme), vector16(signature));
}

export function readSigned(body: Uint8Array): { scheme: number; signature: Uint8Array } | undefined {
  const reader = new ByteReader(body);
  const scheme = reader.u16();
  const signature = reader.vector16();
  return reader.done ? { scheme, signature } : undefined;
}

/** @returns the signature schemes, if a certificate with an ECDSA key is welcome */
export function readCertificateRequest(body: Uint8Array): readonly number[] | undefined {
  const reader = new ByteReader(body);
  const types = reader.vector8();
  const schemes = numbers(reader.vector16());
  reader.vector16();
  if (!reader.done || !schemes) return undefined;
  return types.includes(certificateTypes.ecdsaSign) ? schemes : [];
}

/** Of no authority in particular: it is the fingerprint that counts. */
export function certificateRequest(schemes: readonly number[]): Uint8Array {
  const types = u8(certificateTypes.ecdsaSign, certificateTypes.rsaSign);
  return concat(vector8(types), vector16(u16(...schemes)), vector16());
}

export function readClientKeyExchange(body: Uint8Array): Uint8Array | undefined {
  const reader = new ByteReader(body);
  const publicKey = reader.vector8();
  return reader.done ? publicKey : undefined;
}

export function clientKeyExchange(publicKey: Uint8Array): Uint8Array {
  return vector8(publicKey);
}

export interface UseSrtp {
  readonly profiles: readonly number[];
  readonly mki: Uint8Array;
}

/** RFC 5764 §4.1.1. */
export function readUseSrtp(body: Uint8Array): UseSrtp | undefined {
  const reader = new ByteReader(body);
  const profiles = numbers(reader.vector16());
  const mki = reader.vector8();
  return reader.done && profiles ? { profiles, mki } : undefined;
}

export function useSrtp(profiles: readonly number[]): Uint8Array {
  return concat(vector16(u16(...profiles)), vector8());
}

/** The list of numbers that an extension consists of. */
export function readList16(body: Uint8Array | undefined): readonly number[] | undefined {
  if (!body) return undefined;
  const reader = new ByteReader(body);
  const list = numbers(reader.vector16());
  return reader.done ? list : undefined;
}

export function list16(values: readonly number[]): Uint8Array {
  return vector16(u16(...values));
}

function numbers(bytes: Uint8Array): number[] | undefined {
  const reader = new ByteReader(bytes);
  const list = reader.list16();
  return reader.ok ? list : undefined;
}

/** They may be missing as a whole. One that is there twice makes all of them malformed (RFC 5246 §7.4.1.4). */
function readExtensions(reader: ByteReader): Extensions | undefined {
  const extensions = new Map<number, Uint8Array>();
  if (reader.left === 0) return extensions;
  const list = new ByteReader(reader.vector16());
  while (list.left > 0) {
    const type = list.u16();
    if (extensions.has(type)) return undefined;
    extensions.set(type, list.vector16());
  }
  return list.ok ? extensions : undefined;
}

function writeExtensions(extensions: Extensions): Uint8Array {
  return vector16(...[...extensions].map(([type, body]) => concat(u16(type), vector16(body))));
}
