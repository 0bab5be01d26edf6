/** One second of 400 Hz at 8000 Hz, 16 bit little-endian: what measured calls say. */
export const hum = Uint8Array.from({ length: 16_000 }, (_, index) => {
  const sample = Math.round(6000 * Math.sin((2 * Math.PI * 400 * (index >> 1)) / 8000)) & 0xffff;
  return index % 2 === 0 ? sample & 0xff : sample >> 8;
});
