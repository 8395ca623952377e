import type { FormEvent } from 'react';
import { Button } from '../ui/button.tsx';

type Props = { isPending: boolean; onCancel: () => void; onDiscard: (reason: string) => void };

/** A discarded event is never counted; the ledger keeps why. */
export function DiscardForm({ isPending, onCancel, onDiscard }: Props) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get('reason') ?? '').trim();
    if (reason) onDiscard(reason);
  };
  return (
    <form onSubmit={submit} className="mt-3 flex flex-wrap items-end gap-2">
      <label className="min-w-0 flex-1 basis-52 text-xs text-muted">
        Why is it discarded?
        {/* biome-ignore lint/a11y/noAutofocus: the person has just asked for this field. */}
        <input name="reason" required autoFocus autoComplete="off" className="field mt-1 w-full text-ink" />
      </label>
      <Button type="submit" disabled={isPending}>
        Discard
      </Button>
      <Button look="quiet" onClick={onCancel}>
        Cancel
      </Button>
    </form>
  );
}
