import type { ButtonHTMLAttributes } from 'react';

const LOOKS = {
  plain: 'border border-line-strong bg-surface text-ink hover:bg-hover',
  primary: 'bg-accent text-on-accent hover:opacity-90',
  quiet: 'text-muted hover:bg-hover hover:text-ink',
} as const;

type Props = ButtonHTMLAttributes<HTMLButtonElement> & { look?: keyof typeof LOOKS };

export function Button({ look = 'plain', className = '', type = 'button', ...rest }: Props) {
  return (
    <button
      type={type}
      className={`inline-flex h-8 items-center justify-center gap-1.5 rounded-lg px-3 text-sm font-medium whitespace-nowrap transition disabled:cursor-default disabled:opacity-50 ${LOOKS[look]} ${className}`}
      {...rest}
    />
  );
}
