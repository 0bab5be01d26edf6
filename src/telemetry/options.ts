/** How calls are traced by OpenTelemetry. */
import type { TracerProvider } from '@opentelemetry/api';
import { ConfigError } from '../base/errors.ts';
import { type NumbersShown, numbersShown } from '../base/pii.ts';

export interface TelemetryOptions {
  /** Who makes spans, such as an `OtlpTraces`; default: whoever is registered with `@opentelemetry/api`. */
  readonly tracerProvider?: TracerProvider;
  /** How users in SIP URIs are shown. Default `masked`: `sip:***001@example.com`. */
  readonly numbers?: NumbersShown;
  /**
   * Whether an INVITE carries the header Traceparent (W3C Trace Context): one that comes goes on with the trace of its
   * caller, one that is sent names ours. For networks whose peers are trusted. Default false.
   */
  readonly propagate?: boolean;
}

/** @throws ConfigError */
export function checkedTelemetry(options: TelemetryOptions): TelemetryOptions {
  const { numbers = 'masked' } = options;
  if (!numbersShown.includes(numbers))
    throw new ConfigError(`telemetry.numbers is one of ${numbersShown.join(', ')}, not ${JSON.stringify(numbers)}`);
  return options;
}
