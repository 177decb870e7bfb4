import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ItemsModel } from './items-model';

export const rowHeight = 36;
/** Browsers cut an element that is higher than 17 to 33 million pixels. */
const highest = 8_000_000;

interface Props {
  model: ItemsModel;
  count: number;
  /** Renders the row at a position. */
  row: (position: number) => ComponentChildren;
}

/** A list of any length: the scroll bar stands for positions, and only the rows that are seen exist. */
export function Scroller({ model, count, row }: Props) {
  const box = useRef<HTMLDivElement>(null);
  /** The scroll position that this code has set, whose event is no scrolling of the visitor's. */
  const own = useRef(-1);
  const height = Math.min(count * rowHeight, highest);
  const isScaled = count * rowHeight > highest;
  const first = model.first.value;

  const rowsSeen = () => (box.current?.clientHeight ?? 0) / rowHeight;
  /** Pixels of the scroll bar for each position. */
  const scale = () =>
    isScaled ? (height - (box.current?.clientHeight ?? 0)) / Math.max(1, count - rowsSeen()) : rowHeight;

  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => model.resize(rowsSeen()));
    observer.observe(element);
    return () => observer.disconnect();
  }, [model, count > 0]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const wanted = Math.round(first * scale());
    if (Math.abs(element.scrollTop - wanted) < 1) return;
    own.current = wanted;
    element.scrollTop = wanted;
  }, [first, count]);

  useEffect(() => {
    const element = box.current;
    if (!element || !isScaled) return undefined;
    // A turn of the wheel would be thousands of rows.
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      model.scrollTo(model.first.peek() + event.deltaY / rowHeight);
    };
    element.addEventListener('wheel', turn, { passive: false });
    return () => element.removeEventListener('wheel', turn);
  }, [model, isScaled]);

  const keys: Record<string, () => number> = {
    ArrowDown: () => Math.floor(first) + 1,
    ArrowUp: () => Math.ceil(first) - 1,
    PageDown: () => first + rowsSeen() - 1,
    PageUp: () => first - rowsSeen() + 1,
    Home: () => 0,
    End: () => count,
  };
  const last = Math.min(count, Math.ceil(first + Math.max(1, rowsSeen() || 20)) + 1);
  const positions = Array.from({ length: Math.max(0, last - Math.floor(first)) }, (_, i) => Math.floor(first) + i);
  return (
    <div
      ref={box}
      class="scroller"
      role="rowgroup"
      tabIndex={0}
      aria-label="Items"
      style={{ height: `min(${count * rowHeight}px, 60vh)` }}
      onScroll={({ currentTarget }) => {
        if (Math.abs(currentTarget.scrollTop - own.current) <= 1) return;
        own.current = -1;
        model.scrollTo(currentTarget.scrollTop / scale());
      }}
      onKeyDown={(event) => {
        const position = keys[event.key]?.();
        if (position === undefined) return;
        event.preventDefault();
        model.scrollTo(position);
      }}
    >
      <div class="scroller-height" role="presentation" style={{ height: `${height}px` }}>
        <div class="scroller-rows" role="presentation">
          {positions.map((position) => (
            <div
              key={position}
              role="row"
              aria-rowindex={position + 2}
              class="item-row"
              style={{ transform: `translateY(${(position - first) * rowHeight}px)` }}
            >
              {row(position)}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
