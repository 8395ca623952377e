/** Bottom to top in the chart: what fails lies on top, where its edge is seen. */
export const STATUS_CLASSES = ['2xx', '3xx', '1xx', '4xx', '5xx', 'none'] as const;

export type StatusClass = (typeof STATUS_CLASSES)[number];

export function classOf(status: number): StatusClass {
  return STATUS_CLASSES.find((name) => name[0] === String(status)[0]) ?? 'none';
}

export function className(name: StatusClass): string {
  return name === 'none' ? 'no response' : name;
}

export function classColor(name: StatusClass): string {
  return `var(--c-${name})`;
}
