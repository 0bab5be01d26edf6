/**
 * Runs in a page before its own scripts: keeps what every RTCPeerConnection receives, as it is decoded, and the
 * connections and sockets themselves. `remoteAudio.ms(index)`, `remoteAudio.base64(index, fromMs)` (16-bit little-endian, at
 * `remoteAudio.rate(index)`), `phoneConnections`, `phoneSockets`.
 */
globalThis.phoneConnections = [];
globalThis.phoneSockets = [];

const NativeSocket = WebSocket;
globalThis.WebSocket = class extends NativeSocket {
  constructor(...parameters) {
    super(...parameters);
    phoneSockets.push(this);
  }
};

globalThis.remoteAudio = (() => {
  /** @type {{ rate: number, length: number, chunks: Int16Array[] }[]} */
  const all = [];

  const record = async (track) => {
    const recorded = { rate: 48_000, length: 0, chunks: [] };
    all.push(recorded);
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      recorded.rate = value.sampleRate;
      recorded.length += samples.length;
      recorded.chunks.push(Int16Array.from(samples, (one) => Math.max(-1, Math.min(1, one)) * 32_767));
      value.close();
    }
  };

  const Native = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Native {
    constructor(configuration) {
      super(configuration);
      phoneConnections.push(this);
      this.addEventListener('track', ({ track }) => void record(track));
    }
  };

  return {
    ms: (index) => (all[index] ? (1000 * all[index].length) / all[index].rate : 0),
    rate: (index) => all[index]?.rate ?? 48_000,
    base64: (index, fromMs) => {
      const { rate = 48_000, chunks = [] } = all[index] ?? {};
      let skip = Math.round((fromMs * rate) / 1000);
      let text = '';
      for (const chunk of chunks) {
        if (skip < chunk.length)
          text += String.fromCharCode(...new Uint8Array(chunk.subarray(Math.max(0, skip)).slice().buffer));
        skip -= chunk.length;
      }
      return btoa(text);
    },
  };
})();
