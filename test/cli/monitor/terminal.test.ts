import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { keysIn, Terminal, type TerminalInput, type TerminalOutput } from '../../../src/cli/monitor/terminal.ts';

class FakeInput extends EventEmitter {
  raw = false;
  flowing = false;
  setRawMode(mode: boolean): this {
    this.raw = mode;
    return this;
  }
  setEncoding(): this {
    return this;
  }
  resume(): this {
    this.flowing = true;
    return this;
  }
  pause(): this {
    this.flowing = false;
    return this;
  }
}

class FakeOutput extends EventEmitter {
  columns = 80;
  rows = 24;
  text = '';
  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

function open() {
  const [input, output] = [new FakeInput(), new FakeOutput()];
  const heard: string[] = [];
  const terminal = new Terminal(input as unknown as TerminalInput, output as unknown as TerminalOutput, {
    key: (key) => heard.push(key),
    resized: () => heard.push('resized'),
    ended: () => heard.push('ended'),
  });
  return { input, output, heard, terminal };
}

const restored = '\x1b[?25h\x1b[?1049l';

it('leaves the terminal as it was, once', () => {
  const before = process.listenerCount('exit');
  const { input, output, terminal } = open();
  expect([input.raw, output.text]).toEqual([true, '\x1b[?1049h\x1b[?25l']);
  terminal.draw(['one', 'two']);
  expect(output.text).toContain('\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J');
  terminal.close();
  terminal.close();
  terminal.draw(['late']);
  expect(output.text.split(restored)).toHaveLength(2);
  expect(output.text.endsWith(restored)).toBe(true);
  expect([input.raw, input.flowing, input.listenerCount('data'), output.listenerCount('resize')]).toEqual([
    false,
    false,
    0,
    0,
  ]);
  expect(process.listenerCount('exit')).toBe(before);
});

it('leaves it as it was when the process ends by an exception', () => {
  const { input, output, terminal } = open();
  const listener = process.listeners('exit').at(-1) as (code: number) => void;
  listener(1);
  expect([input.raw, output.text.endsWith(restored)]).toEqual([false, true]);
  terminal.close();
  expect(output.text.split(restored)).toHaveLength(2);
});

it('tells of keys and of another size', () => {
  const { input, output, heard, terminal } = open();
  input.emit('data', 'j\x1b[B');
  output.columns = 0;
  output.emit('resize');
  input.emit('end');
  expect(heard).toEqual(['j', '\x1b[B', 'resized', 'ended']);
  expect(terminal.size).toEqual({ columns: 80, rows: 24 });
  terminal.close();
});

it('takes what comes at once key by key', () => {
  expect(keysIn('a\x1b[A\x1b[6~\x1bOBé\x1b')).toEqual(['a', '\x1b[A', '\x1b[6~', '\x1bOB', 'é', '\x1b']);
});
