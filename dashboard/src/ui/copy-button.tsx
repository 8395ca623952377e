import { useState } from 'react';
import { Button } from './button.tsx';
import { Icon } from './icon.tsx';

const WORDS = { ready: 'Copy', copied: 'Copied', failed: 'Select and copy by hand' } as const;

export function CopyButton({ text }: { text: string }) {
  const [state, setState] = useState<keyof typeof WORDS>('ready');
  const copy = async () => {
    // Browsers offer the clipboard only on HTTPS and on localhost.
    try {
      await navigator.clipboard.writeText(text);
      setState('copied');
    } catch {
      setState('failed');
    }
    setTimeout(() => setState('ready'), 2000);
  };
  return (
    <Button look="quiet" onClick={() => void copy()}>
      <Icon name={state === 'copied' ? 'check' : 'copy'} className="size-3.5" />
      <span aria-live="polite">{WORDS[state]}</span>
    </Button>
  );
}
