import { useEffect, useState } from 'preact/hooks';
import type { Phone } from './phone.ts';
import { type Quality, type Sample, sampleOf } from './quality.ts';
import { watchLevel } from './sound.ts';

/** Shows anew whatever changes in the phone. */
export function usePhone(phone: Phone): void {
  const [, show] = useState(0);
  useEffect(() => phone.on('change', () => show((count) => count + 1)), [phone]);
}

/** The time, ms, once a second while `running`. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}

export function useLevel(stream: MediaStream | undefined): number {
  const [level, setLevel] = useState(-96);
  useEffect(() => {
    if (!stream || stream.getAudioTracks().length === 0) return;
    const stop = watchLevel(stream, setLevel);
    return () => {
      stop();
      setLevel(-96);
    };
  }, [stream]);
  return level;
}

export function useQuality(connection: RTCPeerConnection | undefined): Quality | undefined {
  const [quality, setQuality] = useState<Quality>();
  useEffect(() => {
    if (!connection) return;
    let last: Sample | undefined;
    const look = async (): Promise<void> => {
      const reports: Record<string, unknown>[] = [];
      // A connection that closed meanwhile has none.
      const stats = await connection.getStats().catch(() => undefined);
      stats?.forEach((report: Record<string, unknown>) => void reports.push(report));
      if (!stats) return;
      last = sampleOf(reports, last);
      setQuality(last.quality);
    };
    void look();
    const timer = setInterval(() => void look(), 1000);
    return () => clearInterval(timer);
  }, [connection]);
  return quality;
}
