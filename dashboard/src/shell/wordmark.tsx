/** The mark: a request travelling along a wave, and the response arriving. */
export function Wordmark() {
  return (
    <span className="flex items-center gap-2.5">
      <svg viewBox="0 0 24 24" className="size-7" aria-hidden="true">
        <rect width="24" height="24" rx="6.5" className="fill-accent" />
        <path
          d="M5.5 14.6c2.6 0 2.6-5.2 5.2-5.2s2.6 5.2 5.2 5.2c1.3 0 2-1.3 2.6-2.6"
          className="fill-none stroke-on-accent"
          strokeWidth="2"
          strokeLinecap="round"
        />
        <circle cx="18.5" cy="8.2" r="1.7" className="fill-on-accent opacity-70" />
      </svg>
      <span className="text-[1.0625rem] font-semibold tracking-[-0.015em]">Sendry</span>
    </span>
  );
}
