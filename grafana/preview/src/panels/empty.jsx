// What a panel says that has nothing to show.
export function Empty({ fieldConfig }) {
  const middle = { height: '100%', display: 'flex', alignItems: 'center', justifyContent: 'center' };
  return (
    <div style={middle} data-empty="">
      {fieldConfig?.defaults?.noValue ?? 'No data'}
    </div>
  );
}
