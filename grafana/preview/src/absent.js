// Stands for the code editor, which no dashboard shows.
export default {};
