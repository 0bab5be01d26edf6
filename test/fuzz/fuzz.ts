/** One seed of the fuzz: mutants of the corpus and of what was said just before, to the readers and to an endpoint. */
import { messageOf } from '../../src/base/errors.ts';
import { between, chance, pick, seededRandom } from '../../src/testing/index.ts';
import { readCorpus } from './corpus.ts';
import { FuzzEndpoint } from './endpoint.ts';
import { mutate } from './mutate.ts';
import {
  checkAddresses,
  checkChallenge,
  checkCredentials,
  checkFrame,
  checkFraming,
  checkMessage,
  checkSdp,
  checkUri,
  checkVias,
  type Watch,
} from './parsers.ts';

export interface FuzzOptions {
  /** Default 1,000. */
  readonly messages?: number;
  readonly watch?: Watch;
}

export interface FuzzReport {
  readonly messages: number;
  /** Messages that the endpoint could read, and those it sent for the first time. */
  readonly received: number;
  readonly sent: number;
}

/** Something that does not hold; `input` is what it does not hold of. */
export class FuzzFinding extends Error {
  override readonly name = 'FuzzFinding';
  readonly input: Uint8Array;

  constructor(seed: number, message: number, input: Uint8Array, cause: unknown) {
    super(`seed ${seed}, message ${message}: ${messageOf(cause)}`, { cause });
    this.input = input;
  }
}

const corpus = readCorpus();
const values: readonly (readonly [readonly string[], (text: string) => void])[] = [
  [corpus.bodies, checkSdp],
  [corpus.uris, checkUri],
  [corpus.addresses, checkAddresses],
  [corpus.vias, checkVias],
  [corpus.challenges, checkChallenge],
  [corpus.credentials, checkCredentials],
];
const readers = [
  checkFrame,
  (bytes: Uint8Array) => checkMessage(bytes, 'datagram'),
  (bytes: Uint8Array) => checkMessage(bytes, 'stream'),
];
/** Share of the messages that take up what the endpoint said. */
const inTouch = 0.5;
/** And of those, that do so as they should. */
const inOrder = 0.5;

/** @throws FuzzFinding */
export async function fuzz(
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<FuzzReport> {
  const random = seededRandom(seed, 'fuzz');
  const endpoint = new FuzzEndpoint(seed, watch);
  await endpoint.open();
  let input: Uint8Array = new Uint8Array(0);
  let before = input;
  let message = 0;
  const one = (): string => {
    const other = pick(random, corpus.messages);
    const said = chance(random, inTouch) ? endpoint.reaction(random) : undefined;
    if (said !== undefined && chance(random, inOrder)) return said;
    return mutate(said ?? pick(random, corpus.messages), random, other);
  };
  try {
    for (; message < messages; message++) {
      const bytes = Buffer.from(one(), 'latin1');
      input = bytes;
      const reader = pick(random, readers);
      watch(() => reader(Uint8Array.from(bytes)));
      checkFraming(Buffer.concat([before, bytes, before]), random, watch);
      before = bytes;
      endpoint.take(bytes, random);
      if (chance(random, 0.3))
        await endpoint.wait(chance(random, 0.1) ? between(random, 0, 5000) : between(random, 0, 50));
      endpoint.check();

      const [list, check] = pick(random, values);
      const text = mutate(pick(random, list), random, pick(random, list));
      input = Buffer.from(text, 'latin1');
      watch(() => check(text));
    }
    input = new Uint8Array(0);
    const { received, sent } = await endpoint.end();
    return { messages, received, sent };
  } catch (error) {
    throw new FuzzFinding(seed, message, input, error);
  } finally {
    await endpoint.close();
  }
}
