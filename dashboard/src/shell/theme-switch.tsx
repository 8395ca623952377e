import { setTheme, useTheme } from '../state/theme.ts';
import { Icon } from '../ui/icon.tsx';
import { Segmented } from '../ui/segmented.tsx';

const THEMES = [
  { value: 'system', icon: 'screen', name: 'System theme' },
  { value: 'light', icon: 'sun', name: 'Light theme' },
  { value: 'dark', icon: 'moon', name: 'Dark theme' },
] as const;

const OPTIONS = THEMES.map(({ value, icon, name }) => ({
  value,
  title: name,
  label: (
    <>
      <Icon name={icon} />
      <span className="sr-only">{name}</span>
    </>
  ),
}));

export function ThemeSwitch() {
  return <Segmented legend="Theme" options={OPTIONS} value={useTheme()} onChange={setTheme} />;
}
