/** Actions on a leg that need to be told something: what is asked, and what is done with the answer. */
import type { Api } from './api.ts';
import type { AskFor } from './ask-dialog.tsx';

export interface LegAsk extends AskFor {
  /** @throws ApiError with what the server said. */
  readonly run: (api: Api, call: string, value: string) => Promise<unknown>;
  /** Said at once, if it takes a while. */
  readonly meanwhile?: string;
  readonly done: string;
}

/** ms: what has gone on for so long did not fail; a browser has six connections, and none is kept for its end. */
const longEnough = 8_000;
/** ms in which a recording that cannot be written has failed. */
const beginsWithin = 500;

/** Resolves when it is done, or goes on. */
async function operate(api: Api, method: string, params: Readonly<Record<string, unknown>>): Promise<void> {
  const patience = AbortSignal.timeout(longEnough);
  try {
    await api.rpc(method, { ...params, wait: true }, patience);
  } catch (error) {
    if (!patience.aborted) throw error;
  }
}

/** A recording lasts as long as the call, so its end is not waited for; but whether it runs is asked. */
async function record(api: Api, call: string, file: string): Promise<void> {
  const { operation } = (await api.rpc('call.record', { call, file })) as { operation: string };
  await new Promise((resolve) => setTimeout(resolve, beginsWithin));
  const { operations } = (await api.rpc('call.get', { call })) as { operations: readonly { operation: string }[] };
  // It is over already. Once more, to be told why.
  if (!operations.some((one) => one.operation === operation)) await operate(api, 'call.record', { call, file });
}

export const legAsks = {
  transfer: {
    title: 'Transfer',
    field: 'To',
    placeholder: 'sip:5003@pbx.example.net',
    hint: 'The peer is asked to call this address; when that went well, this leg ends.',
    submit: 'Transfer',
    run: (api, call, to) => api.rpc('call.transfer', { call, to }),
    meanwhile: 'The peer is asked…',
    done: 'Transferred.',
  },
  play: {
    title: 'Play a file',
    field: 'File',
    placeholder: 'welcome.wav',
    hint: 'A WAV, MP3 or Ogg-Opus file of the server’s sound folder.',
    submit: 'Play',
    run: (api, call, file) => operate(api, 'call.play', { call, file }),
    meanwhile: 'Playing…',
    done: 'Played.',
  },
  say: {
    title: 'Say something',
    field: 'Text',
    placeholder: 'Please hold the line.',
    hint: 'Only this leg hears it.',
    submit: 'Say it',
    long: true,
    run: (api, call, text) => operate(api, 'call.say', { call, text }),
    meanwhile: 'Speaking…',
    done: 'Said.',
  },
  record: {
    title: 'Record',
    field: 'File name',
    placeholder: 'call.wav',
    hint: 'Both directions, as WAV. Tell the people on the call where the law asks for it.',
    submit: 'Record',
    run: (api, call, file) => record(api, call, /\.wav$/i.test(file) ? file : `${file}.wav`),
    done: 'Recording.',
  },
  dtmf: {
    title: 'Press keys',
    field: 'Keys',
    placeholder: '12#',
    hint: '0–9, A–D, * and #.',
    pattern: '[0-9A-Da-d*#]{1,100}',
    submit: 'Press',
    run: (api, call, digits) => operate(api, 'call.dtmf', { call, digits: digits.toUpperCase() }),
    done: 'Keys sent.',
  },
} as const satisfies Record<string, LegAsk>;
