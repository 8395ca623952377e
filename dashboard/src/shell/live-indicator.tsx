import { ago } from '../lib/format.ts';
import { useNow } from '../state/use-now.ts';
import { useTabHidden } from '../state/use-tab-hidden.ts';
import { Icon } from '../ui/icon.tsx';

type Props = { paused: boolean; fixed: boolean; failing: boolean; updatedAt: number; onToggle: () => void };

type State = { word: string; dot: string; moving: boolean };

function stateOf({ paused, fixed, failing }: Props, hidden: boolean): State {
  if (paused || hidden) return { word: 'Paused', dot: 'bg-faint', moving: false };
  if (failing) return { word: 'Reconnecting', dot: 'bg-warn', moving: false };
  if (fixed) return { word: 'Fixed window', dot: 'bg-faint', moving: false };
  return { word: 'Live', dot: 'bg-accent', moving: true };
}

/** Says how fresh the page is. Also its off switch: what moves by itself, a reader must be able to stop. */
export function LiveIndicator(props: Props) {
  const hidden = useTabHidden();
  const now = useNow();
  const { word, dot, moving } = stateOf(props, hidden);
  const action = props.paused ? 'Resume updates' : 'Pause updates';
  return (
    <button
      type="button"
      onClick={props.onToggle}
      title={action}
      className="group flex h-8 items-center gap-2 rounded-lg px-2 text-sm transition hover:bg-sunken"
    >
      <span className="relative flex size-2" aria-hidden="true">
        {moving && (
          <span className={`absolute inset-0 animate-[ping_2s_ease-out_infinite] rounded-full ${dot}`} />
        )}
        <span className={`relative size-2 rounded-full ${dot}`} />
      </span>
      <span className="font-medium">{word}</span>
      {props.updatedAt > 0 && (
        <span className="text-muted" title={new Date(props.updatedAt).toISOString()}>
          updated {ago(props.updatedAt, now + 999)}
        </span>
      )}
      <Icon
        name={props.paused ? 'play' : 'pause'}
        className="size-3.5 text-muted opacity-0 transition group-hover:opacity-100 group-focus-visible:opacity-100"
      />
      <span className="sr-only">. {action}</span>
    </button>
  );
}
