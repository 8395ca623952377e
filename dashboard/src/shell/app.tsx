import { useQueryClient } from '@tanstack/react-query';
import { saveToken } from '../api/token.ts';
import { FirstRun } from '../overview/first-run.tsx';
import { OverviewPage } from '../overview/overview-page.tsx';
import { useOverview } from '../overview/use-overview.ts';
import { useView } from '../state/use-view.ts';
import { Header } from './header.tsx';
import { ProblemNotice } from './problem-notice.tsx';
import { TokenForm } from './token-form.tsx';

export function App() {
  const [view, setView] = useView();
  const overview = useOverview(view);
  const client = useQueryClient();
  const { problem, summary } = overview;

  if (problem?.status === 401) {
    const submit = (token: string) => {
      saveToken(token);
      return client.resetQueries();
    };
    return <TokenForm problem={problem} onSubmit={submit} />;
  }
  return (
    <div className="mx-auto flex min-h-dvh max-w-[1480px] flex-col px-4 sm:px-6">
      <Header
        view={view}
        setView={setView}
        live={{ failing: problem !== null, updatedAt: summary.dataUpdatedAt }}
        showControls={!overview.isFirstRun}
      />
      {problem && (
        <ProblemNotice
          problem={problem}
          lastGood={overview.lastGood}
          zone={view.tz}
          onRetry={overview.retry}
        />
      )}
      {overview.isFirstRun ? (
        <FirstRun />
      ) : (
        <OverviewPage view={view} setView={setView} overview={overview} />
      )}
    </div>
  );
}
