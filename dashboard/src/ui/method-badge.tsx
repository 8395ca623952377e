/** Reading is quiet, writing is tinted, deleting stands out: the word stays the message. */
const LOOKS: Record<string, string> = {
  POST: 'bg-accent-soft text-accent',
  PUT: 'bg-warn-soft text-warn',
  PATCH: 'bg-warn-soft text-warn',
  DELETE: 'bg-bad-soft text-bad',
};

export function MethodBadge({ method }: { method: string }) {
  return (
    <span
      className={`w-13 shrink-0 rounded px-1 py-px text-center font-mono text-2xs font-medium ${LOOKS[method] ?? 'bg-sunken text-muted'}`}
    >
      {method}
    </span>
  );
}
