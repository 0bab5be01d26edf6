declare module 'wav-decoder' {
  interface AudioData {
    readonly numberOfChannels: number;
    readonly length: number;
    readonly sampleRate: number;
    readonly channelData: Float32Array[];
  }
  interface Decode {
    (buffer: ArrayBuffer, options?: { symmetric?: boolean }): Promise<AudioData>;
    sync(buffer: ArrayBuffer, options?: { symmetric?: boolean }): AudioData;
  }
  const wavDecoder: { readonly decode: Decode };
  export default wavDecoder;
}
