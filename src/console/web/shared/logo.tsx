/** The mark: two legs that overlap, in the colours that the legs of a call have everywhere. */
export function Logo({ href, name = 'Tandem' }: { readonly href: string; readonly name?: string }) {
  return (
    <a class="logo" href={href}>
      <svg viewBox="0 0 28 18" aria-hidden="true">
        <circle class="leg-a" cx="9.5" cy="9" r="7" />
        <circle class="leg-b" cx="18.5" cy="9" r="7" />
      </svg>
      {name}
    </a>
  );
}
