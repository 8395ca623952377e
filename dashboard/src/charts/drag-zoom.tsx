import { type PointerEvent, type ReactNode, useState } from 'react';

/** Less is a click with an unsteady hand. */
const SMALLEST_DRAG = 6;

type Props = {
  onSelect: (left: number, right: number) => void;
  onHover: (inside: boolean) => void;
  children: ReactNode;
};

/** Drag across to select a stretch. Not for touch, where the same movement scrolls the page. */
export function DragZoom({ onSelect, onHover, children }: Props) {
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const x = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.max(0, Math.min(box.width, event.clientX - box.left));
  };
  const start = (event: PointerEvent<HTMLDivElement>) => {
    if (event.pointerType === 'touch' || event.button !== 0) return;
    // Captured, so that a drag may end outside the chart.
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrag({ from: x(event), to: x(event) });
  };
  const end = () => {
    if (drag && Math.abs(drag.to - drag.from) >= SMALLEST_DRAG) onSelect(drag.from, drag.to);
    setDrag(null);
  };
  return (
    <div
      className="relative h-full cursor-crosshair select-none"
      onPointerDown={start}
      onPointerMove={(event) => drag && setDrag({ ...drag, to: x(event) })}
      onPointerUp={end}
      onPointerCancel={() => setDrag(null)}
      onPointerEnter={() => onHover(true)}
      onPointerLeave={() => onHover(false)}
    >
      {children}
      {drag && (
        <div
          className="pointer-events-none absolute inset-y-0 border-x border-accent bg-accent/15"
          style={{ left: Math.min(drag.from, drag.to), width: Math.abs(drag.to - drag.from) }}
        />
      )}
    </div>
  );
}
