/** The client's half; server-handshake.ts shows both. */
import { concat, u8, vector8 } from './bytes.ts';
import { cipherSuites, groups, type KeyShare, ourScheme, signatureSchemes } from './crypto.ts';
import {
  Association,
  type Handshake,
  type HandshakeOptions,
  type HandshakePorts,
  malformed,
  profileIds,
  profileOf,
  unexpected,
} from './handshake.ts';
import {
  certificate,
  clientHello,
  clientKeyExchange,
  type Extensions,
  extensionTypes,
  handshakeTypes,
  list16,
  randomBytes,
  readCertificateRequest,
  readHelloVerifyRequest,
  readServerHello,
  readServerKeyExchange,
  readUseSrtp,
  signed,
  useSrtp,
} from './messages.ts';
import type { FlightPart } from './outgoing.ts';
import type { HandshakeMessage } from './reassembly.ts';
import { dtls12 } from './records.ts';
import { sharedSecret } from './server-handshake.ts';
import { DtlsFailure } from './types.ts';

type Step =
  | 'helloVerifyRequest'
  | 'serverHello'
  | 'certificate'
  | 'serverKeyExchange'
  | 'certificateRequest'
  | 'serverHelloDone'
  | 'finished';

const nothing = new Uint8Array(0);

export class ClientHandshake implements Handshake {
  readonly #association: Association;
  readonly #ports: HandshakePorts;
  readonly #extensions: Extensions;
  /** What may be next. */
  #expected: readonly Step[] = ['helloVerifyRequest', 'serverHello'];
  #share: KeyShare | undefined;
  #peerPublic: Uint8Array = nothing;
  /** The server asked who we are. */
  #asked = false;

  constructor(options: HandshakeOptions, ports: HandshakePorts) {
    this.#association = new Association('client', options);
    this.#ports = ports;
    this.#association.randoms.client = options.random.bytes(randomBytes);
    this.#extensions = new Map([
      [extensionTypes.renegotiationInfo, vector8()],
      [extensionTypes.extendedMasterSecret, nothing],
      [extensionTypes.supportedGroups, list16(groups.map(({ id }) => id))],
      [extensionTypes.ecPointFormats, vector8(u8(0))],
      [extensionTypes.signatureAlgorithms, list16(signatureSchemes.map(({ id }) => id))],
      [extensionTypes.useSrtp, useSrtp(options.profiles.map((profile) => profileIds[profile]))],
    ]);
  }

  /** The first flight. */
  start(): void {
    this.#sendHello(nothing);
  }

  message(message: HandshakeMessage): void {
    const step = this.#expected.find((one) => handshakeTypes[one] === message.type);
    if (!step) throw unexpected(message);
    const { transcript } = this.#association;
    if (step !== 'finished' && step !== 'helloVerifyRequest') transcript.add(message.whole);
    switch (step) {
      case 'helloVerifyRequest':
        this.#verifyRequest(message.body);
        this.#expected = ['serverHello'];
        return;
      case 'serverHello':
        this.#hello(message.body);
        this.#expected = ['certificate'];
        return;
      case 'certificate':
        this.#certificate(message.body);
        this.#expected = ['serverKeyExchange'];
        return;
      case 'serverKeyExchange':
        this.#keyExchange(message.body);
        this.#expected = ['certificateRequest', 'serverHelloDone'];
        return;
      case 'certificateRequest':
        this.#certificateRequest(message.body);
        this.#expected = ['serverHelloDone'];
        return;
      case 'serverHelloDone':
        if (message.body.length > 0) throw malformed('ServerHelloDone');
        this.#answer();
        this.#expected = ['finished'];
        return;
      case 'finished':
        this.#association.takeFinished(message.body);
        this.#expected = [];
        this.#ports.onConnected(this.#association.srtpParameters());
        return;
      default:
        step satisfies never;
    }
  }

  #sendHello(cookie: Uint8Array): void {
    const association = this.#association;
    const body = clientHello({
      random: association.randoms.client,
      cookie,
      suites: cipherSuites.map(({ id }) => id),
      extensions: this.#extensions,
    });
    this.#ports.sendFlight([association.write(handshakeTypes.clientHello, body)]);
  }

  /** RFC 6347 §4.2.1: the hello again, with the cookie; what was before it does not count. */
  #verifyRequest(body: Uint8Array): void {
    const cookie = readHelloVerifyRequest(body);
    if (!cookie) throw malformed('HelloVerifyRequest');
    this.#association.transcript.clear();
    this.#sendHello(cookie);
  }

  #hello(body: Uint8Array): void {
    const hello = readServerHello(body);
    if (!hello) throw malformed('ServerHello');
    const association = this.#association;
    if (hello.version !== dtls12) throw new DtlsFailure('protocolVersion', 'the peer does not do DTLS 1.2');
    const suite = cipherSuites.find(({ id }) => id === hello.suite);
    if (!suite || hello.compression !== 0) throw wrongChoice('cipher suite');
    for (const type of hello.extensions.keys()) if (!this.#extensions.has(type)) throw wrongChoice('extension');
    const renegotiation = hello.extensions.get(extensionTypes.renegotiationInfo);
    if (renegotiation && !(renegotiation.length === 1 && renegotiation[0] === 0))
      throw new DtlsFailure('handshakeFailure', 'renegotiation_info is not empty (RFC 5746 §3.4)');
    const srtp = hello.extensions.get(extensionTypes.useSrtp);
    if (!srtp) throw new DtlsFailure('handshakeFailure', 'the peer does not do SRTP');
    const { profiles, mki } = readUseSrtp(srtp) ?? { profiles: [], mki: nothing };
    const profile = profiles.length === 1 ? profileOf(profiles[0]!, association.options.profiles) : undefined;
    if (!profile || mki.length > 0) throw wrongChoice('SRTP profile');
    association.suite = suite;
    association.profile = profile;
    association.randoms.server = hello.random;
    association.extendedMasterSecret = hello.extensions.has(extensionTypes.extendedMasterSecret);
  }

  #certificate(body: Uint8Array): void {
    const association = this.#association;
    association.takeCertificate(body);
    if (!association.suite || !association.peerKeyIs(association.suite.key))
      throw new DtlsFailure('unsupportedCertificate', 'the certificate does not go with the cipher suite');
  }

  #keyExchange(body: Uint8Array): void {
    const exchange = readServerKeyExchange(body);
    if (!exchange) throw malformed('ServerKeyExchange');
    const association = this.#association;
    const { client, server } = association.randoms;
    association.checkSignature(concat(client, server, exchange.params), exchange.scheme, exchange.signature);
    const group = groups.find(({ id }) => id === exchange.group);
    if (!group) throw wrongChoice('group');
    this.#share = group.newShare(association.options.random);
    this.#peerPublic = exchange.public;
  }

  #certificateRequest(body: Uint8Array): void {
    const schemes = readCertificateRequest(body);
    if (!schemes) throw malformed('CertificateRequest');
    if (!schemes.includes(ourScheme)) throw new DtlsFailure('handshakeFailure', 'the peer wants another certificate');
    this.#asked = true;
  }

  #answer(): void {
    const association = this.#association;
    const premaster = sharedSecret(this.#share, this.#peerPublic);
    const parts: FlightPart[] = [];
    if (this.#asked)
      parts.push(association.write(handshakeTypes.certificate, certificate(association.options.identity.cert)));
    const publicKey = this.#share?.public ?? nothing;
    parts.push(association.write(handshakeTypes.clientKeyExchange, clientKeyExchange(publicKey)));
    const { write, read } = association.derive(premaster);
    this.#ports.setCiphers(write, read);
    if (this.#asked) {
      const proof = signed(ourScheme, association.sign(association.transcript.bytes));
      parts.push(association.write(handshakeTypes.certificateVerify, proof));
    }
    parts.push({ kind: 'change-cipher-spec' });
    parts.push(association.write(handshakeTypes.finished, association.finished('client'), 1));
    this.#ports.sendFlight(parts);
  }
}

function wrongChoice(what: string): DtlsFailure {
  return new DtlsFailure('illegalParameter', `the peer chose a ${what} that it was not offered`);
}
