import { useQuality } from './hooks.ts';
import { sentence, verdictOf } from './quality.ts';

const kinds = { good: 'good', fair: 'warn', poor: 'warn', bad: 'bad' } as const;
const paths: Readonly<Record<string, string>> = {
  host: 'direct',
  prflx: 'direct, through NAT',
  srflx: 'direct, through NAT',
  relay: 'through a relay (TURN)',
};

export function QualityView({ connection }: { readonly connection: RTCPeerConnection | undefined }) {
  const quality = useQuality(connection);
  if (!quality) return null;
  const { mos, roundTrip, jitter, loss, codec, path } = quality;
  const ms = (value: number | undefined): string => (value === undefined ? '–' : `${Math.round(value)} ms`);
  const facts = [
    ['Sound (MOS)', mos === undefined ? '–' : mos.toFixed(1)],
    ['Round trip', ms(roundTrip)],
    ['Jitter', ms(jitter)],
    ['Lost', loss === undefined ? '–' : `${loss.toFixed(1)} %`],
    ['Codec', codec ?? '–'],
    ['Path', path === undefined ? '–' : (paths[path] ?? path)],
    ['ICE', connection?.iceConnectionState ?? '–'],
  ] as const;
  return (
    <details class="quality">
      <summary>
        <span class={`chip ${mos === undefined ? '' : kinds[verdictOf(mos)]}`}>
          {mos === undefined ? 'Measuring…' : `Quality ${verdictOf(mos)}`}
        </span>
      </summary>
      <p>{sentence(quality)}</p>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="num">{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
