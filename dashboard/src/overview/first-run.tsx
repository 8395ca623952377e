import { pageBase } from '../lib/page-base.ts';
import { CopyButton } from '../ui/copy-button.tsx';

/** The pieces of one command. White space between them changes nothing, for the shell or for JSON. */
const command = [
  `curl -X POST ${pageBase()}/api/v1/events`,
  ` -H 'X-API-Key: <your key>'`,
  ` -H 'content-type: application/json'`,
  ` -d '{"events":[{"serviceName":"shop","endpoint":"/orders/:id",`,
  `"method":"GET","statusCode":200,"latencyMs":12.5}]}'`,
];

/** Broken for the eye; the copy is one line, which pastes into any shell. */
function forReading(): string {
  const [curl, key, type, events, rest] = command;
  return `${curl} \\\n ${key} \\\n ${type} \\\n ${events}\n       ${rest}`;
}

export function FirstRun() {
  return (
    <main className="grid flex-1 place-items-center pb-40" data-screen="first-run">
      <div className="w-full max-w-2xl">
        <h1 className="text-2xl font-semibold tracking-[-0.02em]">Send your first event</h1>
        <p className="mt-2 text-muted">
          Sendry is running and has received nothing yet. Paste this into a terminal; the dashboard opens by
          itself as soon as the event arrives.
        </p>
        <div className="card mt-6 overflow-hidden">
          <div className="flex items-center justify-between border-b border-line py-2 pr-2 pl-5">
            <span className="text-xs font-medium text-muted">Terminal</span>
            <CopyButton text={command.join('')} />
          </div>
          <pre className="overflow-x-auto px-5 py-4 font-mono text-xs/6 whitespace-pre-wrap break-words">
            <code>{forReading()}</code>
          </pre>
        </div>
        <p className="mt-6 flex items-center gap-3 text-sm" role="status">
          <span className="relative flex size-2" aria-hidden="true">
            <span className="absolute inset-0 animate-[ping_2s_ease-out_infinite] rounded-full bg-accent" />
            <span className="relative size-2 rounded-full bg-accent" />
          </span>
          Waiting for your first event…
        </p>
      </div>
    </main>
  );
}
