// Stands in for the reader of spreadsheets, which is published outside of the registry; the benchmark model reads none.
export default { set_fs() {} }
