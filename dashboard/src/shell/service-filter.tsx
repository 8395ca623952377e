import { SelectField } from '../ui/select-field.tsx';

type Props = { service: string | null; known: readonly string[]; onChange: (service: string | null) => void };

export function ServiceFilter({ service, known, onChange }: Props) {
  // The chosen one stays in the list even when this range has no traffic of it. One name may occur per environment.
  const names = [...new Set(service ? [...known, service] : known)].sort();
  return (
    <SelectField label="Service" value={service ?? ''} onChange={(value) => onChange(value || null)}>
      <option value="">All services</option>
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </SelectField>
  );
}
