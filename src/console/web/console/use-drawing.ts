/** A canvas that is drawn anew when its width, the colours, or what it shows has changed. */
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { onTheme } from '../shared/theme.ts';

/**
 * @param draw gets the context in CSS pixels
 * @param shows what `draw` depends on
 */
export function useDrawing(
  draw: (context: CanvasRenderingContext2D, width: number, height: number) => void,
  shows: readonly unknown[],
): RefObject<HTMLCanvasElement | null> {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [theme, setTheme] = useState(0);
  const [width, setWidth] = useState(0);
  useEffect(() => onTheme(() => setTheme((n) => n + 1)), []);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context || width === 0) return;
    const height = element.clientHeight;
    element.width = Math.round(width * devicePixelRatio);
    element.height = Math.round(height * devicePixelRatio);
    context.scale(devicePixelRatio, devicePixelRatio);
    draw(context, width, height);
  }, [width, theme, ...shows]);
  return canvas;
}
