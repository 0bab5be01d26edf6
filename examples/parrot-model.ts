/**
 * The simplest voice agent there is, for a first try: it waits until the caller has said something and is silent, and
 * says the same back. Whoever speaks into it silences it.
 *
 *   node examples/parrot-model.ts 8765
 */
import { expandG711 } from 'tandem/media';
import { type WebSocket, WebSocketServer } from 'ws';

const loud = 600;
const silentFrames = 15; // 300 ms, then it is its turn

export default function parrot(socket: WebSocket): void {
  let streamSid = '';
  let heard: Buffer[] = [];
  let silence = 0;
  let speaking = false;
  const say = (what: object): void => socket.send(JSON.stringify({ streamSid, ...what }));
  socket.on('message', (text) => {
    const { event, media, ...told } = JSON.parse(String(text));
    if (event === 'start') streamSid = told.streamSid;
    if (event === 'mark') speaking = false; // it was played to its end
    if (event !== 'media') return;
    const frame = Buffer.from(media.payload, 'base64');
    if (expandG711('mu', frame).some((sample) => Math.abs(sample) > loud)) {
      if (speaking) say({ event: 'clear' });
      silence = 0;
      heard.push(frame);
    } else if (heard.length > 0 && ++silence === silentFrames) {
      say({ event: 'media', media: { payload: Buffer.concat(heard).toString('base64') } });
      say({ event: 'mark', mark: { name: 'said' } });
      heard = [];
      speaking = true;
    }
  });
}

if (process.argv[1] === import.meta.filename) {
  const port = Number(process.argv[2] ?? 8765);
  new WebSocketServer({ host: '127.0.0.1', port }).on('connection', parrot);
  console.log(`a parrot listens at ws://127.0.0.1:${port}`);
}
