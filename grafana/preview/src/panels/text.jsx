import { renderTextPanelMarkdown } from '@grafana/data';

export function TextPanel({ options, replaceVariables }) {
  const html = renderTextPanelMarkdown(replaceVariables(options.content ?? ''));
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: html }} />;
}
