// The settings of the project, for admins.
import { Link } from '@tanstack/react-router';
import { useEffect } from 'react';
import { Centered } from '../components/error-state';
import classes from '../components/form.module.css';
import { SettingsAccess } from '../components/settings-access';
import { SettingsErasure } from '../components/settings-erasure';
import { SettingsMembers } from '../components/settings-members';
import { SettingsPrices } from '../components/settings-prices';
import { SettingsQuarantine } from '../components/settings-quarantine';
import { SettingsSources } from '../components/settings-sources';
import { SettingsStorage } from '../components/settings-storage';
import stateClasses from '../components/states.module.css';
import { text } from '../lib/text';
import { settingsRoute } from '../router';
import { useSession } from '../state/queries';

const TABS = {
  access: SettingsAccess,
  members: SettingsMembers,
  prices: SettingsPrices,
  sources: SettingsSources,
  storage: SettingsStorage,
  quarantine: SettingsQuarantine,
  erasure: SettingsErasure,
};
type Tab = keyof typeof TABS;

function tabOf(name: string | undefined): Tab {
  return name !== undefined && Object.hasOwn(TABS, name) ? (name as Tab) : 'access';
}

export function SettingsPage() {
  const tab = tabOf(settingsRoute.useSearch().tab);
  const { data: session } = useSession();
  useEffect(() => {
    document.title = `${text.settings.title} · ${text.product}`;
  }, []);
  if (session && session.scope !== 'admin') {
    return (
      <Centered>
        <h1 className={stateClasses.title}>{text.settings.adminOnly}</h1>
        <p className={stateClasses.words}>{text.settings.adminOnlyHelp}</p>
      </Centered>
    );
  }
  const Shown = TABS[tab];
  return (
    <div className={classes.scroll}>
      <div className={classes.page}>
        <h1 className={classes.title}>{text.settings.title}</h1>
        <nav className={classes.tabs} aria-label={text.settings.title}>
          {(Object.keys(TABS) as Tab[]).map((name) => (
            <Link
              key={name}
              to="/settings"
              search={{ tab: name }}
              className={classes.tab}
              data-on={name === tab || undefined}
              replace
            >
              {text.settings.tabs[name]}
            </Link>
          ))}
        </nav>
        <Shown />
      </div>
    </div>
  );
}
