// The mark of the product: two sides of a conversation joined by one thread.

export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" fill="#0b6d60" />
      <path
        d="M10 22.5V13a3.2 3.2 0 0 1 6-1.5v9a3.2 3.2 0 0 0 6-1.5V9.5"
        fill="none"
        stroke="#fff"
        strokeWidth="2.6"
        strokeLinecap="round"
      />
      <circle cx="10" cy="22.5" r="2.6" fill="#9ee4d6" />
      <circle cx="22" cy="9.5" r="2.6" fill="#9ee4d6" />
    </svg>
  );
}
