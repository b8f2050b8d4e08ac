/** Common Vietnamese names, put together at random: nobody in particular. */
export const familyNames = ['Nguyễn', 'Trần', 'Lê', 'Phạm', 'Hoàng', 'Vũ', 'Đặng', 'Bùi', 'Đỗ', 'Hồ', 'Ngô', 'Dương', 'Lý', 'Đinh', 'Trịnh', 'Mai', 'Đào', 'Tạ', 'Phùng', 'Chu'];
export const middleNames = {
  male: ['Văn', 'Đức', 'Quang', 'Hữu', 'Minh', 'Xuân', 'Công', 'Mạnh', 'Tuấn', 'Quốc', 'Đình', 'Bá'],
  female: ['Thị', 'Thu', 'Ngọc', 'Thanh', 'Phương', 'Bích', 'Kim', 'Minh', 'Hồng', 'Thúy', 'Lan', 'Mai'],
} as const;
export const givenNames = {
  male: ['Hùng', 'Dũng', 'Cường', 'Sơn', 'Thắng', 'Hải', 'Long', 'Tuấn', 'Nam', 'Bình', 'Phúc', 'Khánh', 'Việt', 'Trung', 'Kiên', 'Đạt', 'Quân', 'Thành', 'Toàn', 'Hiếu'],
  female: ['Hương', 'Hà', 'Lan', 'Hoa', 'Mai', 'Nga', 'Thủy', 'Yến', 'Trang', 'Linh', 'Hạnh', 'Dung', 'Loan', 'Oanh', 'Tuyết', 'Vân', 'Thảo', 'Ngân', 'Quỳnh', 'Giang'],
} as const;
