import type { DeadLetter } from '../api/types.ts';

export type StoredLetter = DeadLetter & { event: string };

const EVENTS: Pick<StoredLetter, 'reason' | 'field' | 'message' | 'replayable' | 'service' | 'event'>[] = [
  {
    reason: 'store_refused',
    field: null,
    message: 'the store refused the write: document would exceed the 16 MiB limit',
    replayable: true,
    service: 'catalog',
    event:
      '{"serviceName":"catalog","endpoint":"/products/:id","method":"GET","statusCode":200,"latencyMs":4.2}',
  },
  {
    reason: 'invalid_event',
    field: 'latencyMs',
    message: 'latencyMs must be a number of milliseconds, 0 or more; it is "fast"',
    replayable: false,
    service: 'payments',
    event:
      '{"serviceName":"payments","endpoint":"/payments","method":"POST","statusCode":201,"latencyMs":"fast"}',
  },
  {
    reason: 'invalid_event',
    field: 'statusCode',
    message: 'statusCode must be 0 or from 100 to 599; it is 1200',
    replayable: false,
    service: 'cart',
    event: '{"serviceName":"cart","endpoint":"/carts/:id","method":"GET","statusCode":1200,"latencyMs":3.1}',
  },
];

export function deadLetters(now: number): StoredLetter[] {
  return EVENTS.map((one, index) => {
    const at = new Date(now - (index * 7 + 3) * 60_000).toISOString();
    return {
      ...one,
      id: `dl_01jd${index}`,
      state: 'open',
      acceptedAt: at,
      recordedAt: at,
      messageId: `msg_01jd${index}`,
      position: index,
      requestId: `req_01jd${index}`,
      eventId: `evt_01jd${index}`,
      bytes: one.event.length,
    };
  });
}
