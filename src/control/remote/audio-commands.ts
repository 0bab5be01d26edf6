/** Commands about what is heard: play, say, gather, record, press keys, stop. */
import type { PlayResult } from '../../../media/index.ts';
import { defined } from '../../base/defined.ts';
import { TandemError } from '../../base/errors.ts';
import type { ConsentOptions } from '../../session/consent.ts';
import type { DialogSession } from '../../session/dialog-session.ts';
import type { GatherResult } from '../../session/gather.ts';
import type { PlaybackOptions } from '../../session/playback.ts';
import { writablePath } from '../commands/files.ts';
import { RpcFault } from '../rpc/fault.ts';
import type { RpcStruct } from '../rpc/value.ts';
import type { Desk, Handlers } from './desk.ts';
import type { Params, Sound } from './params.ts';

type Names =
  | 'call.play'
  | 'call.say'
  | 'call.gather'
  | 'call.record'
  | 'call.record_pause'
  | 'call.record_resume'
  | 'call.dtmf'
  | 'call.stop';

export function audioCommands(desk: Desk): Handlers<Names> {
  return {
    'call.play': (params, context) => {
      const call = desk.use(params.call, context);
      const source = desk.sounds.source(soundsOf(params));
      const { loop, volume, from, bargeIn } = params;
      return desk.operate(call, params.wait, {
        command: 'call.play',
        run: async (signal, begun) => {
          const options = defined<PlaybackOptions>({ signal, loop, volume, from, bargeIn });
          return played(await going(begun, call.playback().play(source, options)));
        },
      });
    },
    'call.say': ({ call: name, text, wait, ...how }, context) => {
      const call = desk.use(name, context);
      return desk.operate(call, wait, {
        command: 'call.say',
        run: async (signal, begun) => played(await going(begun, call.say(text, defined({ ...how, signal })))),
      });
    },
    'call.gather': ({ call: name, play, speech, language, wait, ...keys }, context) => {
      const call = desk.use(name, context);
      const prompt = play && desk.sounds.source(play);
      const spoken = speech && language !== undefined ? { language } : speech;
      if (keys.secret && !wait)
        throw new RpcFault(400, 'call.gather: what is secret is in the reply alone: wait for it');
      return desk.operate(call, wait, {
        command: 'call.gather',
        ...(keys.secret ? { shown: ({ digits, speech, ...rest }) => rest } : {}),
        run: async (signal, begun) =>
          gathered(await going(begun, call.gather(defined({ ...keys, play: prompt, speech: spoken, signal })))),
      });
    },
    'call.record': async ({ call: name, file, wait, announce, consent, ...how }, context) => {
      const call = desk.use(name, context);
      return desk.operate(call, wait, {
        command: 'call.record',
        run: async (signal, begun) => {
          const path = await writablePath(desk.writeFolder, file);
          const told = announce ? desk.sounds.source(announce) : desk.announcement;
          const asked = consent && consentOf(desk, consent);
          const recording = await call.record(path, defined({ ...how, announce: told, consent: asked, signal }));
          if (!recording) return going(begun, Promise.resolve({ end: 'refused' }));
          const { durationMs, bytes, end } = await going(begun, recording.done);
          return { file: path, durationMs, bytes, end };
        },
      });
    },
    'call.record_pause': ({ call: name }, context) => rest(desk.use(name, context), true),
    'call.record_resume': ({ call: name }, context) => rest(desk.use(name, context), false),
    'call.dtmf': ({ call: name, digits, via, duration, gap, wait }, context) => {
      const call = desk.use(name, context);
      return desk.operate(call, wait, {
        command: 'call.dtmf',
        run: async () => {
          await call.sendDtmf(digits, defined({ via, durationMs: duration, gapMs: gap }));
          return {};
        },
      });
    },
    'call.stop': async ({ operation: id, call: name }, context) => {
      const running = name === undefined ? one(desk, id ?? '') : desk.operations.of(desk.use(name, context));
      for (const { call } of running) desk.owners.use(call, context);
      await Promise.all(running.map((operation) => operation.stop()));
      return undefined;
    },
  };
}

/** It has begun: the next command may. */
function going<T>(begun: () => void, work: Promise<T>): Promise<T> {
  begun();
  return work;
}

/** @returns how many there are */
function rest({ recordings }: DialogSession, on: boolean): RpcStruct {
  for (const recording of recordings) recording.rest('pause', on);
  return { recordings: recordings.length };
}

function consentOf({ sounds }: Desk, { play, ...how }: NonNullable<Params<'call.record'>['consent']>): ConsentOptions {
  return { prompt: sounds.source(play), ...defined(how) };
}

function one({ operations }: Desk, id: string) {
  const operation = operations.get(id);
  if (operation) return [operation];
  const message = `there is no operation ${id}`;
  throw new RpcFault(404, message, new TandemError('ERR_OPERATION_UNKNOWN', message));
}

function soundsOf({ file, url, list, tone, duration }: Params<'call.play'>): Sound | readonly Sound[] {
  if (file !== undefined) return { file };
  if (url !== undefined) return { url };
  if (list !== undefined) return list;
  return { tone: tone ?? 'ringback', duration };
}

function played({ end, playedMs }: PlayResult): RpcStruct {
  return { end, playedMs };
}

function gathered({ digits, end, speech }: GatherResult): RpcStruct {
  return { digits, end, ...(speech === undefined ? {} : { speech }) };
}
