/** The conferences of one engine, by their names, and the commands that concern them. */
import { TandemError } from '../../src/base/errors.ts';
import type { Command } from '../protocol.ts';
import { type ConferencePorts, EngineConference } from './conference.ts';
import type { EngineLeg } from './leg.ts';

export class Conferences {
  readonly #ports: ConferencePorts;
  readonly #legs: ReadonlyMap<string, EngineLeg>;
  readonly #open = new Map<string, EngineConference>();
  /** Their recordings are still being written. */
  readonly #closing = new Map<string, EngineConference>();

  /** @param legs those of the engine */
  constructor(ports: ConferencePorts, legs: ReadonlyMap<string, EngineLeg>) {
    this.#ports = ports;
    this.#legs = legs;
  }

  get all(): readonly EngineConference[] {
    return [...this.#open.values(), ...this.#closing.values()];
  }

  /**
   * Does what the command says, if it is for a conference.
   * @returns false when it is not; else the answer to a request, or undefined
   */
  command(command: Extract<Command, { readonly leg: string }>): false | { readonly answer: unknown } | undefined {
    const { leg: id } = command;
    if (command.type === 'conference.open') {
      if (!this.#open.has(id)) this.#open.set(id, new EngineConference(id, this.#ports));
      return undefined;
    }
    const conference = this.#open.get(id) ?? this.#closing.get(id);
    if (!conference) {
      if (!command.type.startsWith('conference.')) return false;
      return command.type === 'conference.close' ? { answer: undefined } : undefined;
    }
    switch (command.type) {
      case 'conference.join':
        conference.join(command, this.#legs.get(command.member));
        break;
      case 'conference.configure':
        conference.configure(command);
        break;
      case 'conference.route':
        conference.route(command);
        break;
      case 'conference.leave':
        conference.leave(command.member);
        break;
      case 'conference.close':
        return { answer: this.end(conference) };
      case 'play.start':
        conference.play(command);
        break;
      case 'play.swap':
        conference.swap(command.playback, command.source);
        break;
      case 'play.control':
        conference.control(command.playback, command.control);
        break;
      case 'play.position':
        return { answer: conference.position(command.playback) };
      case 'record.start':
        conference.startRecording(command);
        break;
      case 'record.pause':
        conference.record.pause(command.recording, command.on);
        break;
      case 'record.stop':
        conference.record.end(command.recording, 'stopped');
        break;
      case 'record.written':
        conference.record.written(command.recording, command.error);
        break;
      default:
        throw new TandemError('ERR_MEDIA_STATE', `a conference does not know ${command.type}`);
    }
    return undefined;
  }

  /** The leg is gone. @param conference it was in, if that is one */
  left(conference: string | undefined, leg: string): void {
    if (conference !== undefined) this.#open.get(conference)?.leave(leg);
  }

  /** Its members stay. Resolves when its recordings are written. */
  async end(conference: EngineConference): Promise<void> {
    const { id } = conference;
    if (this.#open.get(id) === conference) this.#open.delete(id);
    this.#closing.set(id, conference);
    await conference.close();
    this.#closing.delete(id);
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((conference) => this.end(conference)));
  }
}
