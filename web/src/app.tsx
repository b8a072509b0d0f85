// Decides between signing in and the pages.
import { useQueryClient } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { useState } from 'react';
import type { Session } from './api/types';
import { Centered, ErrorState } from './components/error-state';
import { Loading } from './components/loading';
import { invitedKey } from './model/invitation';
import { SignIn } from './pages/sign-in';
import { createAppRouter } from './router';
import { LiveProvider } from './state/live';
import { changeSession, useSession } from './state/queries';

/** The key of the invitation that was followed. It must not stay in the address, where the next one who looks would find it. */
const invitation = invitedKey(window.location.hash);
if (invitation) window.history.replaceState(null, '', window.location.pathname + window.location.search);
// A link that is followed in a tab of the page changes the hash alone.
window.addEventListener('hashchange', () => {
  if (invitedKey(window.location.hash)) window.location.reload();
});

export function App() {
  const client = useQueryClient();
  const { data: session, error, isPending, refetch } = useSession();
  const [router] = useState(createAppRouter);
  // Who follows an invitation wants to be whom it invites, whoever is signed in here.
  const [invited, setInvited] = useState(invitation !== '');

  if (session && !invited) {
    return (
      <LiveProvider>
        <RouterProvider router={router} />
      </LiveProvider>
    );
  }
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} />;
  if (isPending) {
    return (
      <Centered>
        <Loading />
      </Centered>
    );
  }
  const signedIn = (next: Session) => {
    setInvited(false);
    void changeSession(client, next);
  };
  return <SignIn invitation={invited ? invitation : ''} onSignedIn={signedIn} />;
}
