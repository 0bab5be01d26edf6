/** The traces of a server: where they go, and that scripts find theirs in them. */
import type { Logger } from '../base/log.ts';
import type { Config } from '../config/schema.ts';
import { OtlpTraces, registerTelemetry, type TelemetryOptions } from '../index.ts';

export interface ServerTelemetry {
  readonly options: TelemetryOptions;
  /** To be called when the last call is over: sends what waits. */
  close(): Promise<void>;
}

/** Undefined when no collector is named. */
export function openTelemetry({ telemetry }: Config, logger: Logger): ServerTelemetry | undefined {
  const { endpoint, tracesEndpoint, numbers, propagate, ...settings } = telemetry;
  const isOff = tracesEndpoint === undefined ? endpoint === 'none' : tracesEndpoint === 'none';
  if (isOff) return undefined;
  const provider = new OtlpTraces(
    { ...settings, ...(endpoint === 'none' ? {} : { endpoint }), tracesEndpoint },
    { logger },
  );
  const unregister = registerTelemetry(provider);
  return {
    options: { tracerProvider: provider, numbers, propagate },
    close: async () => {
      unregister();
      await provider.close();
    },
  };
}
