//! Reading and writing of the integers and columns that frames are made of.

/// Why a frame is refused: a sentence, for the error that names the object.
pub(crate) type Refusal = String;

/// Appends canonical parts.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    /// An integer in LEB128, shortest form.
    pub(crate) fn integer(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A signed integer, zigzag.
    pub(crate) fn signed(&mut self, value: i64) {
        self.integer(((value << 1) ^ (value >> 63)) as u64);
    }

    /// Bytes preceded by their length.
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.integer(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// Bytes whose length the reader knows.
    pub(crate) fn raw(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }
}

/// Takes parts off a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// An integer; any LEB128 form is taken, the check that decoding is the inverse of encoding refuses long ones.
    pub(crate) fn integer(&mut self) -> Result<u64, Refusal> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or("cut off within a number")?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number longer than 64 bits".into())
    }

    /// An integer that must not exceed `limit`.
    pub(crate) fn bounded(&mut self, limit: u64, what: &str) -> Result<u64, Refusal> {
        let value = self.integer()?;
        if value <= limit { Ok(value) } else { Err(format!("{what}: {value} is above the limit of {limit}")) }
    }

    /// A count of things that each take at least `size` bytes of what is left, so that it can be allocated for.
    pub(crate) fn count(&mut self, size: usize, limit: u64, what: &str) -> Result<usize, Refusal> {
        let limit = limit.min((self.0.len() / size.max(1)) as u64);
        self.bounded(limit, what).map(|count| count as usize)
    }

    /// A signed integer, zigzag.
    pub(crate) fn signed(&mut self) -> Result<i64, Refusal> {
        let value = self.integer()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Bytes preceded by their length, at most `limit` of them.
    pub(crate) fn bytes(&mut self, limit: usize, what: &str) -> Result<&'a [u8], Refusal> {
        let length = self.bounded(limit as u64, what)? as usize;
        self.raw(length)
    }

    /// Exactly `length` bytes.
    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    /// Exactly `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        self.raw(N)?.try_into().map_err(|_| "cut off".to_owned())
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("{} bytes too many", self.0.len())) }
    }
}
