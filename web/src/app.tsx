// Decides between signing in and the pages.
import { useQueryClient } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { useState } from 'react';
import { ErrorState } from './components/error-state';
import { SignIn } from './pages/sign-in';
import { createAppRouter } from './router';
import { LiveProvider } from './state/live';
import { changeSession, useSession } from './state/queries';

export function App() {
  const client = useQueryClient();
  const { data: session, error, isPending, refetch } = useSession();
  const [router] = useState(createAppRouter);

  if (session) {
    return (
      <LiveProvider>
        <RouterProvider router={router} />
      </LiveProvider>
    );
  }
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} />;
  if (isPending) return null;
  return <SignIn onSignedIn={(signedIn) => void changeSession(client, signedIn)} />;
}
