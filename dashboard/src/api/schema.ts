// The API's types, in the form openapi-typescript writes, so that the generated file can take this one's place.

type Json<Body> = { content: { 'application/json': Body } };
type Refusal = { content: { 'application/problem+json': components['schemas']['Problem'] } };
type Answers<Body> = {
  200: Json<Body> & { headers: Record<string, unknown> };
  default: Refusal & { headers: Record<string, unknown> };
};

type ReadQuery = {
  tenant?: string;
  from?: string;
  to?: string;
  tz?: string;
  step?: string;
  service?: string;
  environment?: string;
  endpoint?: string;
  method?: string;
};

type Get<Query, Body> = {
  get: { parameters: { query?: Query }; responses: Answers<Body> };
};

type GetOne<Body> = {
  get: { parameters: OneOfTenant; responses: Answers<Body> };
};

type OneOfTenant = { query?: { tenant?: string }; path: { id: string } };

type Schemas = components['schemas'];

export interface paths {
  '/api/v1/summary': Get<
    ReadQuery,
    { data: Schemas['Summary']; previous: Schemas['Summary']; meta: Schemas['Meta'] }
  >;
  '/api/v1/timeseries': Get<ReadQuery, { data: Schemas['Timeseries']; meta: Schemas['Meta'] }>;
  '/api/v1/endpoints': Get<
    ReadQuery & { sort?: Schemas['EndpointSort']; limit?: number },
    { data: Schemas['Endpoint'][]; total: number; meta: Schemas['Meta'] }
  >;
  '/api/v1/status-codes': Get<ReadQuery, { data: Schemas['StatusCode'][]; meta: Schemas['Meta'] }>;
  '/api/v1/services': Get<ReadQuery, { data: Schemas['Service'][]; meta: Schemas['Meta'] }>;
  '/api/v1/pipeline/ledger': Get<{ tenant?: string }, { data: Schemas['Ledger'] }>;
  '/api/v1/dead-letters': Get<
    { tenant?: string; state?: Schemas['DeadLetterState'] | 'all'; limit?: number; cursor?: string },
    { data: Schemas['DeadLetter'][]; nextCursor: string | null }
  >;
  '/api/v1/dead-letters/{id}': GetOne<{ data: Schemas['DeadLetter'] & { event: string } }>;
  '/api/v1/dead-letters/{id}/replay': {
    post: {
      parameters: OneOfTenant;
      requestBody?: Json<{ event?: unknown }>;
      responses: Answers<{ data: Schemas['DeadLetter'] }>;
    };
  };
  '/api/v1/dead-letters/{id}/discard': {
    post: {
      parameters: OneOfTenant;
      requestBody: Json<{ reason: string }>;
      responses: Answers<{ data: Schemas['DeadLetter'] }>;
    };
  };
  '/api/v1/tenants': Get<Record<string, never>, { data: Schemas['Tenant'][] }>;
}

export interface components {
  schemas: {
    /** RFC 9457 */
    Problem: {
      type?: string;
      title?: string;
      status: number;
      detail?: string;
      code?: string;
      hint?: string;
      requestId?: string;
    };
    Meta: {
      from: string;
      to: string;
      tz: string;
      step: string;
      completeThrough: string | null;
      received: number;
      late: number;
      sdkDropped: number | null;
      percentileMaxRelError: number;
      tzApproximate: boolean;
      queryMs: number;
    };
    Summary: {
      requests: number;
      requestsPerMinute: number;
      errors: number;
      errorRate: number | null;
      clientErrors: number;
      clientErrorRate: number | null;
      averageMs: number | null;
      p50Ms: number | null;
      p95Ms: number | null;
      p99Ms: number | null;
      maxMs: number | null;
      bytesIn: number;
      bytesOut: number;
    };
    Timeseries: {
      t: number[];
      /** Only the classes that occur: "2xx", "4xx", … and "none" for status 0. */
      requests: Record<string, number[]>;
      errors: number[];
      averageMs: (number | null)[];
      p50Ms: (number | null)[];
      p95Ms: (number | null)[];
      p99Ms: (number | null)[];
      bytesIn: number[];
      bytesOut: number[];
    };
    Spark: { start: number; stepMs: number; values: number[] };
    EndpointSort: 'requests' | 'errors' | 'errorRate' | 'p95' | 'impact';
    Endpoint: {
      service: string;
      environment: string | null;
      endpoint: string;
      method: string;
      requests: number;
      share: number | null;
      errors: number;
      errorRate: number | null;
      clientErrors: number;
      averageMs: number | null;
      p50Ms: number | null;
      p95Ms: number | null;
      p99Ms: number | null;
      maxMs: number | null;
      impactMs: number | null;
      lastSeen: string | null;
      spark: Schemas['Spark'];
    };
    StatusCode: { status: number; requests: number; share: number | null };
    Service: {
      service: string;
      environment: string | null;
      requests: number;
      share: number | null;
      errors: number;
      errorRate: number | null;
      averageMs: number | null;
      p50Ms: number | null;
      p95Ms: number | null;
      p99Ms: number | null;
      lastSeen: string | null;
      spark: Schemas['Spark'];
    };
    Ledger: {
      received: number;
      counted: number;
      duplicates: number;
      conflicts: number;
      deadLetters: { open: number; discarded: number; replayed: number };
      rawRefused: number;
      residual: number;
      closes: boolean;
      queue: { ready: number; unacknowledged: number; oldestAgeMs: number | null } | null;
      parked: { ready: number } | null;
    };
    DeadLetterState: 'open' | 'discarded' | 'replayed' | 'conflict';
    DeadLetter: {
      id: string;
      state: Schemas['DeadLetterState'];
      reason: string;
      field: string | null;
      message: string | null;
      replayable: boolean;
      acceptedAt: string | null;
      recordedAt: string;
      messageId: string | null;
      position: number | null;
      requestId: string | null;
      eventId: string | null;
      service: string | null;
      bytes: number;
    };
    Tenant: { name: string; suspended: boolean };
  };
}
