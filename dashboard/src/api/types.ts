// Short names for the schema's types. This and client.ts are the only files that import the schema.
import type { components } from './__generated__/schema.ts';

type Schemas = components['schemas'];

export type ApiProblem = Schemas['Problem'];
export type Meta = Schemas['Meta'];
export type Summary = Schemas['Summary'];
export type Timeseries = Schemas['Timeseries'];
export type Endpoint = Schemas['Endpoint'];
export type EndpointSort = Schemas['EndpointSort'];
export type StatusCode = Schemas['StatusCode'];
export type Service = Schemas['Service'];
export type Ledger = Schemas['Ledger'];
export type DeadLetter = Schemas['DeadLetter'];
export type Tenant = Schemas['Tenant'];
