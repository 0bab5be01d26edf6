/** Which traces are recorded: decided once, at the root. */
import { ConfigError } from '../../base/errors.ts';

/** As OTEL_TRACES_SAMPLER names them; `parentbased_…` does as a trace that comes from elsewhere says. */
export const samplerNames = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof samplerNames)[number];

/** @param parent whether the parent is sampled; undefined: there is none */
export type Sampler = (traceId: string, parent: boolean | undefined) => boolean;

/** Hexadecimal digits at the end of an id that are certainly random (W3C Trace Context level 2), and fit a number. */
const digits = 13;
const range = 16 ** digits;

/** @param ratio 0 to 1 @throws ConfigError */
export function samplerOf(name: SamplerName, ratio: number): Sampler {
  if (!samplerNames.includes(name))
    throw new ConfigError(`telemetry.sampler: there is no ${JSON.stringify(name)}: ${samplerNames.join(', ')}`);
  if (!(ratio >= 0 && ratio <= 1)) throw new ConfigError(`telemetry.samplerArg is a share from 0 to 1, not ${ratio}`);
  const threshold = (1 - ratio) * range;
  const root = (traceId: string): boolean => {
    if (name.endsWith('always_on')) return true;
    if (name.endsWith('always_off')) return false;
    return Number.parseInt(traceId.slice(-digits), 16) >= threshold;
  };
  if (!name.startsWith('parentbased')) return root;
  return (traceId, parent) => parent ?? root(traceId);
}
