import { useQuery } from '@tanstack/react-query';
import { tenantsQuery } from '../api/queries.ts';
import { SelectField } from '../ui/select-field.tsx';

/** One tenant is a name; only several are a choice. */
export function TenantPicker({ tenant, onChange }: { tenant: string; onChange: (tenant: string) => void }) {
  const { data } = useQuery(tenantsQuery());
  const tenants = data?.data ?? [];
  if (tenants.length < 2) {
    return (
      <span className="text-sm text-muted">
        <span className="sr-only">Tenant: </span>
        {tenant}
      </span>
    );
  }
  return (
    <SelectField label="Tenant" value={tenant} onChange={onChange}>
      {tenants.map(({ name, suspended }) => (
        <option key={name} value={name}>
          {suspended ? `${name} (suspended)` : name}
        </option>
      ))}
    </SelectField>
  );
}
