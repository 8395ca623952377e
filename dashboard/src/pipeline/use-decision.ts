import { useMutation, useQueryClient } from '@tanstack/react-query';
import { discardDeadLetter, replayDeadLetter } from '../api/pipeline-queries.ts';
import { asProblem } from '../api/problem.ts';

/** What a person decides about one dead letter. Either way the list, the ledger and perhaps the figures change. */
export function useDecision(tenant: string, id: string) {
  const client = useQueryClient();
  const decide = useMutation({
    mutationFn: (discardReason: string | null) =>
      discardReason === null ? replayDeadLetter(tenant, id) : discardDeadLetter(tenant, id, discardReason),
    // Also after a refusal: "not open" means that somebody else was faster.
    onSettled: () => client.invalidateQueries(),
  });
  return {
    replay: () => decide.mutate(null),
    discard: (reason: string) => decide.mutate(reason),
    problem: decide.error ? asProblem(decide.error) : null,
    isPending: decide.isPending,
  };
}
