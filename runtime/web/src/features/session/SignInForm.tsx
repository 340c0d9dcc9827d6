import { type SubmitEvent, useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { signIn } from "@/api/session";
import { Button } from "@/components/Button";
import { Field } from "@/components/Field";
import { ErrorNotice } from "@/components/States";

export function SignInForm({ onDone }: { onDone: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const enter = useMutation({ mutationFn: () => signIn(name.trim(), password), onSuccess: onDone, onError: () => setPassword("") });
  function onSubmit(event: SubmitEvent) {
    event.preventDefault();
    enter.mutate();
  }
  return (
    <form className="stack" onSubmit={onSubmit}>
      <Field label="Name">{(bound) => <input {...bound} value={name} onChange={(event) => setName(event.target.value)} autoComplete="username" autoCapitalize="off" spellCheck={false} required autoFocus />}</Field>
      <Field label="Password">{(bound) => <input {...bound} type="password" value={password} onChange={(event) => setPassword(event.target.value)} autoComplete="current-password" required />}</Field>
      {enter.error ? <ErrorNotice error={enter.error} /> : null}
      <Button kind="primary" type="submit" disabled={enter.isPending}>{enter.isPending ? "Signing in…" : "Sign in"}</Button>
    </form>
  );
}
