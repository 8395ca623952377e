/**
 * Canvas knows neither var() nor light-dark(): a probe element resolves them to the colour now in force.
 * So the stylesheet stays the one place for colours, the charts' included.
 */
export type Resolve = (color: string) => string;

export function colorResolver(host: HTMLElement): Resolve {
  const known = new Map<string, string>();
  return (color) => {
    const found = known.get(color);
    if (found) return found;
    const probe = document.createElement('i');
    probe.style.color = color;
    host.append(probe);
    const resolved = getComputedStyle(probe).color;
    probe.remove();
    known.set(color, resolved);
    return resolved;
  };
}
