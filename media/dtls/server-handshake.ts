/**
 * The server's half (RFC 5246 §7.3):
 *
 *   ClientHello →            ← ServerHello, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone
 *   Certificate, ClientKeyExchange, CertificateVerify, ChangeCipherSpec, Finished →     ← ChangeCipherSpec, Finished
 *
 * Without HelloVerifyRequest: behind ICE the peer has shown already that it receives at its address (RFC 8827 §6.5 has
 * DTLS begin on a pair that was checked), and a request of ours would cost a round trip.
 */
import { concat, u8, vector8 } from './bytes.ts';
import { cipherSuites, groups, type KeyShare, ourScheme, signatureSchemes } from './crypto.ts';
import {
  Association,
  type Handshake,
  type HandshakeOptions,
  type HandshakePorts,
  malformed,
  profileIds,
  unexpected,
} from './handshake.ts';
import {
  type ClientHello,
  certificate,
  certificateRequest,
  type Extensions,
  extensionTypes,
  handshakeTypes,
  keyExchangeParams,
  randomBytes,
  readClientHello,
  readClientKeyExchange,
  readList16,
  readUseSrtp,
  renegotiationScsv,
  serverHello,
  signed,
  useSrtp,
} from './messages.ts';
import type { HandshakeMessage } from './reassembly.ts';
import { dtls12 } from './records.ts';
import { DtlsFailure } from './types.ts';

/** The message that is next. */
type Expected = 'clientHello' | 'certificate' | 'clientKeyExchange' | 'certificateVerify' | 'finished' | 'none';

const nothing = new Uint8Array(0);

export class ServerHandshake implements Handshake {
  readonly #association: Association;
  readonly #ports: HandshakePorts;
  #expected: Expected = 'clientHello';
  #share: KeyShare | undefined;

  constructor(options: HandshakeOptions, ports: HandshakePorts) {
    this.#association = new Association('server', options);
    this.#ports = ports;
  }

  message(message: HandshakeMessage): void {
    const expected = this.#expected;
    if (expected === 'none' || message.type !== handshakeTypes[expected]) throw unexpected(message);
    const association = this.#association;
    const { transcript } = association;
    // These two are over what came before them.
    const isProof = expected === 'certificateVerify' || expected === 'finished';
    if (!isProof) transcript.add(message.whole);
    switch (expected) {
      case 'clientHello':
        this.#hello(message.body);
        this.#expected = 'certificate';
        return;
      case 'certificate':
        association.takeCertificate(message.body);
        this.#expected = 'clientKeyExchange';
        return;
      case 'clientKeyExchange':
        this.#keyExchange(message.body);
        this.#expected = 'certificateVerify';
        return;
      case 'certificateVerify':
        association.takeCertificateVerify(message.body);
        transcript.add(message.whole);
        this.#expected = 'finished';
        return;
      case 'finished':
        association.takeFinished(message.body);
        transcript.add(message.whole);
        this.#expected = 'none';
        this.#ports.sendFlight([
          { kind: 'change-cipher-spec' },
          association.write(handshakeTypes.finished, association.finished('server'), 1),
        ]);
        this.#ports.onConnected(association.srtpParameters());
        return;
      default:
        expected satisfies never;
    }
  }

  #hello(body: Uint8Array): void {
    const hello = readClientHello(body);
    if (!hello) throw malformed('ClientHello');
    // Versions count down. A peer that can do 1.3 says 1.2 here and is content with it (RFC 9147 §5.3); the mark against
    // downgrades of RFC 8446 §4.1.3 is for servers that can do 1.3 themselves.
    if (hello.version > dtls12) throw new DtlsFailure('protocolVersion', 'the peer has DTLS 1.0 only');
    if (!hello.compressions.includes(0)) throw new DtlsFailure('illegalParameter', 'the peer wants compression');
    const association = this.#association;
    const { random, identity } = association.options;
    const suite = cipherSuites.find(({ id, key }) => key === 'ec' && hello.suites.includes(id));
    if (!suite) throw nothingInCommon('cipher suite');
    if (!readList16(hello.extensions.get(extensionTypes.signatureAlgorithms))?.includes(ourScheme))
      throw nothingInCommon('signature scheme');
    association.suite = suite;
    association.randoms.client = hello.random;
    association.randoms.server = random.bytes(randomBytes);
    const extensions = this.#extensions(hello);
    const group = this.#group(hello.extensions);
    this.#share = group.newShare(random);
    const params = keyExchangeParams(group.id, this.#share.public);
    const { client, server } = association.randoms;
    const signature = association.sign(concat(client, server, params));
    this.#ports.sendFlight([
      association.write(handshakeTypes.serverHello, serverHello(server, suite.id, extensions)),
      association.write(handshakeTypes.certificate, certificate(identity.cert)),
      association.write(handshakeTypes.serverKeyExchange, concat(params, signed(ourScheme, signature))),
      association.write(handshakeTypes.certificateRequest, certificateRequest(signatureSchemes.map(({ id }) => id))),
      association.write(handshakeTypes.serverHelloDone, nothing),
    ]);
  }

  /** Those of the client that we answer. */
  #extensions({ extensions, suites }: ClientHello): Extensions {
    const association = this.#association;
    const answered = new Map<number, Uint8Array>();
    const renegotiation = extensions.get(extensionTypes.renegotiationInfo);
    if (renegotiation && !(renegotiation.length === 1 && renegotiation[0] === 0))
      throw new DtlsFailure('handshakeFailure', 'the peer wants to renegotiate what there is not (RFC 5746 §3.6)');
    if (renegotiation || suites.includes(renegotiationScsv)) answered.set(extensionTypes.renegotiationInfo, vector8());
    if (extensions.has(extensionTypes.extendedMasterSecret)) {
      association.extendedMasterSecret = true;
      answered.set(extensionTypes.extendedMasterSecret, nothing);
    }
    if (extensions.has(extensionTypes.ecPointFormats)) answered.set(extensionTypes.ecPointFormats, vector8(u8(0)));
    const srtp = extensions.get(extensionTypes.useSrtp);
    if (!srtp) throw nothingInCommon('use of SRTP');
    const offered = readUseSrtp(srtp);
    if (!offered) throw malformed('use_srtp');
    const profile = association.options.profiles.find((one) => offered.profiles.includes(profileIds[one]));
    if (!profile) throw nothingInCommon('SRTP profile');
    association.profile = profile;
    // Without the peer's MKI: RFC 5764 §4.1.3 leaves that to us.
    answered.set(extensionTypes.useSrtp, useSrtp([profileIds[profile]]));
    return answered;
  }

  /** Who names none has P-256, which RFC 8827 §6.5 wants of everybody. */
  #group(extensions: Extensions): (typeof groups)[number] {
    const named = extensions.get(extensionTypes.supportedGroups);
    const offered = named ? readList16(named) : [23];
    if (!offered) throw malformed('supported_groups');
    const group = groups.find(({ id }) => offered.includes(id));
    if (!group) throw nothingInCommon('group');
    return group;
  }

  #keyExchange(body: Uint8Array): void {
    const publicKey = readClientKeyExchange(body);
    if (!publicKey) throw malformed('ClientKeyExchange');
    const { write, read } = this.#association.derive(sharedSecret(this.#share, publicKey));
    this.#ports.setCiphers(write, read);
  }
}

export function sharedSecret(share: KeyShare | undefined, publicKey: Uint8Array): Uint8Array {
  if (!share) throw new Error('there is no key of ours');
  try {
    return share.secret(publicKey);
  } catch {
    throw new DtlsFailure('illegalParameter', 'the key of the peer is none');
  }
}

function nothingInCommon(what: string): DtlsFailure {
  return new DtlsFailure('handshakeFailure', `no ${what} in common`);
}
